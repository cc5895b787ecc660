"""Every expression of the machine gives the same in JSONata 2.0.6, which AWS documents, and locally."""

from __future__ import annotations

import json

import pytest
from jsonata import Jsonata
from tests.fidelity.comparison import parsed
from tests.fidelity.situations import SITUATIONS

from stagewright.local.step_functions.expressions import EvaluationError, evaluate
from stagewright.state_machine.builder import build
from stagewright.state_machine.lint import expressions

pytestmark = [pytest.mark.node, pytest.mark.slow]
NOW = 1767323045678


@pytest.fixture(scope="module")
def texts() -> list[str]:
    return sorted({text for _, text in expressions(build())})


@pytest.fixture(scope="module")
def reference(node, texts) -> list:
    return json.loads(
        node.run("evaluate.mjs", json.dumps({"expressions": texts, "situations": SITUATIONS, "now": NOW}))
    )


CLOCK = {
    "now": Jsonata.JLambda(lambda: "2026-01-02T03:04:05.678Z"),
    "millis": Jsonata.JLambda(lambda: NOW),
}


def local(text: str, states: dict) -> dict:
    try:
        value = evaluate(f"{{% {text} %}}", "Output", {"states": states, **CLOCK})
    except EvaluationError as error:
        return {} if "returned nothing" in error.cause else {"error": error.cause}
    return {"value": json.loads(json.dumps(value))}


def test_both_jsonata_engines_agree_in_every_situation(reference, texts):
    differences = []
    for text, row in zip(texts, reference, strict=True):
        for number, (states, there) in enumerate(zip(SITUATIONS, row, strict=True)):
            here = local(text, states)
            if "error" in here and "error" in there:
                continue
            if parsed(here) != parsed(there):
                differences.append(f"{number}: {text}\n  2.0.6: {there}\n  local: {here}")
    assert not differences, f"{len(differences)} differ:\n" + "\n".join(differences[:5])


def test_every_expression_has_a_value_in_some_situation(reference, texts):
    never = [
        text
        for text, row in zip(texts, reference, strict=True)
        if not any("value" in answer for answer in row)
    ]
    assert never == []


def test_every_condition_is_true_and_false_in_some_situation(reference, texts):
    """A Choice takes booleans only, and nothing catches its errors."""
    conditions = {text for place, text in expressions(build()) if place.endswith("/Condition")}
    for text, row in zip(texts, reference, strict=True):
        if text in conditions:
            assert {answer["value"] for answer in row if "value" in answer} == {True, False}, text


def test_both_engines_report_missing_values_alike(reference, texts):
    """$error's message is the cause that people read."""
    told = 0
    for text, row in zip(texts, reference, strict=True):
        for states, there in zip(SITUATIONS, row, strict=True):
            if " has no " in there.get("error", ""):
                told += 1
                assert local(text, states)["error"].endswith(there["error"])
    assert told
