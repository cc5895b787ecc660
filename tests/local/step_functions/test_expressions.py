"""Values and errors of expressions, their time limit, and what AWS's JSONata does differently."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from jsonata import Jsonata

from stagewright.local.step_functions import expressions, patterns
from stagewright.local.step_functions.expressions import EvaluationError, evaluate

ENDLESS = "($again := function($n) { $again($n + 1) }; $again(0))"
STATES = {"input": {"n": 1, "empty": None, "text": "a" * 60 + "!"}, "context": {}}


def value(text: str, **variables: Any) -> Any:
    return evaluate(f"{{% {text} %}}", "Output", {"states": STATES, **variables})


def cause(text: str, **variables: Any) -> str:
    with pytest.raises(EvaluationError) as caught:
        value(text, **variables)
    return caught.value.cause


def test_template_is_evaluated_at_every_depth() -> None:
    template = {"a": ["{% $states.input.n + 1 %}", "text"], "b": {"c": "{% $x %}"}, "d": None}
    evaluated = evaluate(template, "Output", {"states": STATES, "x": None})
    assert evaluated == {"a": [2, "text"], "b": {"c": None}, "d": None}


def test_half_open_delimiters_are_text() -> None:
    assert evaluate(["{% 1", "1 %}", " {% 1 %}"], "Output", {}) == ["{% 1", "1 %}", " {% 1 %}"]


@pytest.mark.parametrize("text", ["$nothing", "$states.input.nothing", "$states.result", "[][0]"])
def test_undefined_value_is_an_error(text: str) -> None:
    """Recorded (test_undefined_reference)."""
    specified = f"The JSONata expression '{text}' specified for the field 'Output'"
    assert cause(text) == f"{specified} returned nothing (undefined)."


@pytest.mark.parametrize("text", ["null", "$states.input.empty", "[null][0]"])
def test_null_is_a_value(text: str) -> None:
    assert value(text) is None


def test_error_has_its_place_and_its_code() -> None:
    """Recorded (test_state_fmt_seeded)."""
    with pytest.raises(EvaluationError) as caught:
        evaluate({"a": [0, {"b": "{% $none(1) %}"}]}, "Output", {"states": STATES})
    assert caught.value.field == "Output/a[1]/b"
    assert caught.value.cause.endswith(
        "'$none(1)' specified for the field 'Output/a[1]/b' threw an error during evaluation. "
        "T1006: Attempted to invoke a non-function"
    )
    assert cause("$error('the price is missing')").endswith("D3137: the price is missing")


def test_function_is_no_result() -> None:
    """Recorded (test_map_state_items_eval_jsonata_fail[function])."""
    text = "$fn := function($x){$x}"
    expected = f"The JSONata expression '{text}' specified for the field 'Output' "
    assert cause(text) == expected + "returned an unsupported result type."
    assert "unsupported result type" in cause("[function($x){$x}]")


def test_variable_hides_a_function_of_its_name() -> None:
    assert "T1006" in cause("$count([1])", count=3)


def test_waiting_does_not_count_toward_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expressions, "SECONDS", 0.3)
    wait = Jsonata.JLambda(lambda: time.sleep(0.2) or 1)
    assert value("$wait() + $wait() + $wait()", wait=wait) == 3


def test_processor_time_counts_toward_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expressions, "SECONDS", 0.05)
    assert "D1012" in cause(ENDLESS)


@pytest.mark.parametrize(
    "call",
    [
        "$match($states.input.text, {})",
        "$contains($states.input.text, {})",
        "$replace($states.input.text, {}, '-')",
        "$split($states.input.text, {})",
    ],
)
def test_regular_expression_has_a_time_limit(call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "SECONDS", 0.1)
    assert "timed out" in cause(call.format(r"/(a|aa)+$/"))


def test_other_threads_run_during_a_regular_expression(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "SECONDS", 0.5)
    thread = threading.Thread(target=lambda: cause(r"$contains($states.input.text, /(a|aa)+$/)"))
    thread.start()
    count = 0
    while thread.is_alive():
        count += 1
    thread.join()
    assert count > 100


def test_threads_evaluate_one_expression_at_the_same_time() -> None:
    values: list[list[int]] = [[] for _ in range(4)]

    def evaluate_often(found: list[int]) -> None:
        text = "$sum($map([1..$n], function($x) { $x * 2 }))"
        found.extend(value(text, n=number) for number in range(1, 201))

    threads = [threading.Thread(target=evaluate_often, args=(found,)) for found in values]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert values == [[n * (n + 1) for n in range(1, 201)]] * 4


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"$match('ab12', /([a-z]+)(\d+)/).groups", ["ab", "12"]),
        ("$contains('ABC', /b/i)", True),
        ("$replace('John Smith', /(\\w+)\\s(\\w+)/, '$2, $1')", "Smith, John"),
        ("$split('a, b;c', /[,;] ?/)", ["a", "b", "c"]),
        ("$replace('aaa', /a/, 'b', 2)", "bba"),
        (r"$match('\u00e9\n12', /^\d+$/m).match", "12"),
        # Measured by sfnx:
        ("$partition([1, 2, 3], 2)", [[1, 2], [3]]),
        ("$partition([1, 2, 3], 1.5)", [[1], [2], [3]]),
        ("$range(1, 7, 3)", [1, 4, 7]),
        ("$range(3, 1, -1)", [3, 2, 1]),
        ("$range(-1.5, 1, 1.5)", [-1, 0, 1]),
        ("$partition([1, 2])", [[1, 2]]),
        ("$partition([], $none)", [[]]),
        ("$exists($parse($none))", False),
        ("[1, $parse($none), 2]", [1, 2]),
        ("$type($parse('null'))", "null"),
        ("$map(['1', '2'], $parse)", [1, 2]),
        ("$range(1, 1, 1)", 1),
        ("$hash('abc', 'MD5')", "900150983cd24fb0d6963f7d28e17f72"),
        ("$length('a😀b')", 3),
        ("$substring('hello', -10, 2)", "he"),
        ("$substring('hello', 1, -1)", ""),
        ("$substring('hello', 1)", "ello"),
        ("$substring('a😀b', 0, 1)", "a"),
        ("$substring('a😀b', 5)", ""),
        ("$substring('a😀b', 0, $min([4000, $length('a😀b')]))", "a😀b"),
    ],
)
def test_values(text: str, expected: Any) -> None:
    assert value(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$parse('NaN')", "NaN is no number in JSON"),
        ("$parse('1e400')", "1e400 is no number in JSON"),
        ("""$parse('{"a": 1, "a": 2}')""", "an object has a key twice"),
        ("$partition([1], -1)", "D3137: Second argument must be zero or greater"),
        (
            "$hash('a', 'CRC')",
            "D3137: Hash algorithm 'CRC' must be one of SHA-1, SHA-384, SHA-256, SHA-512, MD5",
        ),
        ("$hash('a', $none)", "D3137: Hash algorithm 'null' must be one of"),
        ("$hash()", 'T0410: Argument 1 of function "hash" does not match function signature'),
        ("$hash(1, 'MD5')", 'T0410: Argument 1 of function "hash"'),
        ("$parse(1)", 'T0410: Argument 1 of function "parse"'),
        ("$parse(null)", 'T0410: Argument 1 of function "parse"'),
        ("$random('1')", 'T0410: Argument 1 of function "random"'),
        ("$range(1, 'a', 1)", 'T0410: Argument 2 of function "range"'),
        ("$range(1, 2, true)", 'T0410: Argument 3 of function "range"'),
        ("$partition([1], 'a')", 'T0410: Argument 2 of function "partition"'),
        ("$partition('a', 1)", 'T0412: Argument 1 of function "partition" must be an array of undefined'),
        ("$parse('1', '2')", "positional"),
        ("$uuid(1)", "positional"),
        ("$toMillis('2026-01-01 00:00:00Z')", "D3110"),
        ("$replace('a', /b*/, 'c')", "D1004"),
        # A length beyond the characters of a text that has one outside the BMP (see functions.substring).
        ("$substring('a😀b', 1)", "String index out of range"),
        ("$substring('a😀b', 0, 4000)", "String index out of range"),
    ],
)
def test_errors_of_functions(text: str, expected: str) -> None:
    assert expected in cause(text)


NOTHING = [
    *("$partition([1], 0)", "$partition([], 2)", "$range(2, 1, 1)", "$range(1, 2, 0)"),
    *("$parse($none)", "$parse()", "$hash($none, 'MD5')", "$hash('a')", "$partition($none, 2)"),
    *("$range($none, 2, 1)", "$range(1, $none, 1)", "$range(1, 2)"),
]


@pytest.mark.parametrize("text", NOTHING)
def test_functions_without_a_result(text: str) -> None:
    assert "returned nothing" in cause(text)


def test_positions_count_utf_16_units_after_a_character_outside_the_bmp() -> None:
    """Halves of characters, as sfnx saw them on AWS."""
    assert value("$substring('a😀b', 1, 1)") == "\ufffd"
    assert value("$substring('héllo😀', -1, 1)") == "\ufffd"


def test_random_numbers_and_ids() -> None:
    assert value("$random(1)") == value("$random(1)")
    assert value("$random(1)") != value("$random()")
    first, second = value("[$uuid(), $uuid()]")
    assert first != second
    assert first[14] == "4"
