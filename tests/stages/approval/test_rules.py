"""Rules of approval stages."""

from __future__ import annotations

import pytest

from stagewright.document.load import load
from stagewright.errors import DocumentError

ASK = {"kind": "approval", "package": "${stages.register.package}"}

PROBLEMS = [
    ({**ASK, "timeout": "53w"}, "timeout", "53w is longer than one year"),
    ({**ASK, "timeout": "soon"}, "timeout", "a number and a unit (s, m, h, d or w)"),
    ({**ASK, "retry": {"attempts": 2}}, "retry", "an approval cannot be retried"),
    ({**ASK, "request": {"A": 1}}, "request", "make no SageMaker request"),
    ({**ASK, "package": "${stages.train.model}"}, "package", "accepts a model package"),
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
    assert load(house({"stages.ask": ASK})).stages["ask"].timeout == "7d"
