"""Rules of lambda stages."""

from __future__ import annotations

import pytest

from stagewright.document.load import load
from stagewright.errors import DocumentError

CALL = {"kind": "lambda", "function": "notify"}

PROBLEMS = [
    ({**CALL, "max_runtime_seconds": 901}, "max_runtime_seconds", "900"),
    ({**CALL, "function": "${stages.train.model}"}, "function", "known only during the run"),
]


@pytest.mark.parametrize(("stage", "place", "message"), PROBLEMS)
def test_invalid_stage_is_rejected_at_its_path(house, stage, place, message):
    with pytest.raises(DocumentError) as caught:
        load(house({"stages.extra": stage}))
    reported = [
        problem for problem in caught.value.problems if problem.path.startswith(f"stages.extra.{place}")
    ]
    assert any(message in f"{problem.message} {problem.remedy}" for problem in reported), caught.value.message


def test_valid_stage_is_accepted(house):
    payload = {"r2": "${stages.evaluate.metrics.r2}", "deep": ["${stages.train.model}", {"x": 1}]}
    assert load(house({"stages.call": {**CALL, "payload": payload}})).stages["call"].payload == payload
