from __future__ import annotations

import pytest

from stagewright.errors import PlanError
from stagewright.plan.selection import selected


def enabled(pipeline):
    return {name for name, stage in pipeline.stages.items() if stage.enabled}


def test_all_others_are_off(house):
    assert enabled(selected(house.changed(), ("train", "deploy"))) == {"train", "deploy"}


def test_without_a_selection_nothing_changes(house):
    document = house.changed()
    assert selected(document, ()) is document


def test_what_is_off_stays_off(house):
    assert enabled(selected(house.changed("stages.train.enabled", False), ("train", "deploy"))) == {"deploy"}


def test_an_unknown_stage_is_named(house):
    with pytest.raises(PlanError, match=r'no such stage: deplyo \(did you mean "deploy"\?\)'):
        selected(house.changed(), ("deplyo",))
