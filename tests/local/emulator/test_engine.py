"""Time limits of expressions: CPU time, not the time that a thread waits, and regular expressions."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from jsonata import Jsonata, timebox
from jsonata.jexception import JException

from stagewright.local.emulator import engine, regexes

ENDLESS = "($again := function($n) { $again($n + 1) }; $again(0))"


@pytest.fixture(autouse=True)
def patched_timebox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timebox, "Timebox", timebox.Timebox)
    monkeypatch.setattr(Jsonata, "jsonata", staticmethod(Jsonata.jsonata))
    engine.limit_cpu_time(timebox)
    regexes.limit(Jsonata)


def evaluated(text: str, milliseconds: int) -> Any:
    expression = Jsonata.jsonata(text, timeout=milliseconds)
    expression.register_lambda("wait", lambda: time.sleep(0.4) or 1)
    return expression.evaluate(None)


def test_waiting_does_not_count_toward_the_limit() -> None:
    assert evaluated("$wait() + $wait() + $wait()", 1000) == 3


def test_cpu_time_counts_toward_the_limit() -> None:
    with pytest.raises(JException) as caught:
        evaluated(ENDLESS, 50)
    assert caught.value.error == "D1012"


@pytest.mark.parametrize(
    "call", ["$match(text, {})", "$contains(text, {})", "$replace(text, {}, '-')", "$split(text, {})"]
)
def test_regular_expression_has_a_time_limit(call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regexes, "SECONDS", 0.1)
    expression = Jsonata.jsonata(call.format(r"/(a|aa)+$/"), timeout=60_000)
    with pytest.raises(TimeoutError):
        expression.evaluate({"text": "a" * 60 + "!"})


def test_other_threads_run_during_a_regular_expression(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regexes, "SECONDS", 0.5)
    expression = Jsonata.jsonata(r"$contains(text, /(a|aa)+$/)", timeout=60_000)
    outcome: list[BaseException] = []

    def evaluate() -> None:
        try:
            expression.evaluate({"text": "a" * 60 + "!"})
        except TimeoutError as error:
            outcome.append(error)

    thread = threading.Thread(target=evaluate)
    thread.start()
    count = 0
    while thread.is_alive():
        count += 1
    thread.join()
    assert len(outcome) == 1
    assert count > 100


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r"$match('ab12', /([a-z]+)(\d+)/).groups", ["ab", "12"]),
        ("$contains('ABC', /b/i)", True),
        ("$replace('John Smith', /(\\w+)\\s(\\w+)/, '$2, $1')", "Smith, John"),
        ("$split('a, b;c', /[,;] ?/)", ["a", "b", "c"]),
        ("$replace('aaa', /a/, 'b', 2)", "bba"),
        (r"$match('\u00e9\n12', /^\d+$/m).match", "12"),
    ],
)
def test_regular_expressions_have_the_same_values(text: str, value: Any) -> None:
    assert Jsonata.jsonata(text).evaluate(None) == value
