from __future__ import annotations

from dataclasses import replace

import pytest

from stagewright.errors import PlanError
from stagewright.planner.model import Trigger
from stagewright.planner.planner import plan
from stagewright.planner.selection import Selection, parse_names, select, unrunnable


def enabled(found):
    return {name for name, stage in found.pipeline.stages.items() if stage.enabled}


def planned(house, results=None, document=None, **selection):
    asked = replace(house.trigger(f"manual:{selection}"), **selection)
    return plan(document or house.changed(), asked, house.recorded(results))


def actions(made):
    return {stage.name: stage.action for stage in made.stages}


@pytest.fixture
def earlier(house):
    """What a whole run has left behind."""
    return house.results_of(planned(house))


def test_all_others_are_off(house):
    assert enabled(select(house.changed(), Selection(("train", "deploy")))) == {"train", "deploy"}


def test_without_a_selection_nothing_changes(house):
    document = house.changed()
    assert select(document, Selection()).pipeline is document


def test_what_is_off_stays_off_and_whoever_names_it_can_be_told(house):
    document, asked = house.changed("stages.train.enabled", False), Selection(("train", "deploy"))
    assert enabled(select(document, asked)) == {"deploy"}
    assert [str(each) for each in unrunnable(document, asked)] == [
        "only: train is disabled in the document (set stages.train.enabled=true)"
    ]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (Selection(("deplyo",)), r'only: no such stage: deplyo \(did you mean "deploy"\?\)'),
        (Selection(start=("x",)), "from: no such stage: x"),
        (Selection(skip=("trian",)), r'skip: no such stage: trian \(did you mean "train"\?\)'),
        (Selection(("train",), skip=("train",)), "only: train is also skipped"),
        (Selection(start=("train",), skip=("train",)), "from: train is also skipped"),
        (Selection(("train",), ("evaluate",)), "use either only or from"),
    ],
)
def test_what_cannot_be_is_refused(house, asked, said):
    with pytest.raises(PlanError, match=said):
        select(house.changed(), asked)


def test_a_run_from_a_stage_is_that_and_all_after_it(house):
    asked = Selection(start=("evaluate",), skip=("deploy",))
    assert enabled(select(house.changed(), asked)) == {"evaluate", "quality", "register"}


def test_names_come_in_one_text_or_in_several():
    assert parse_names(["a, b", "c,a", ""]) == ("a", "b", "c")


def test_only_lends_what_is_not_selected_and_says_so(house, earlier):
    made = planned(house, earlier, only=("quality",))
    first = earlier["train"][0].run
    assert made.stage("train").reason == f"not selected; uses the result of run {first}"
    assert {name for name, action in actions(made).items() if action == "run"} == set()
    assert made.stage("quality").reason == f"same as run {first}"


def test_from_runs_the_stage_and_all_after_it_though_nothing_changed(house, earlier):
    made = planned(house, earlier, start=("evaluate",))
    assert actions(made) == {
        "prepare": "reuse",
        "train": "reuse",
        "evaluate": "run",
        "quality": "run",
        "register": "run",
        "deploy": "run",
    }
    assert made.stage("evaluate").reason == "the run starts from here"
    assert made.stage("quality").reason == "quality: evaluate runs again"


def test_what_started_a_run_is_reused_by_the_next(house, earlier):
    again = planned(house, earlier, start=("train",))
    later = house.results_of(again) | {"prepare": earlier["prepare"]}
    made = planned(house, later)
    assert set(actions(made).values()) == {"reuse"}
    assert made.stage("evaluate").reused_from == again.run


def test_skip_lends_and_the_rest_goes_on(house, earlier):
    document = house.changed("stages.train.hyperparameters.n-estimators", 500)
    made = planned(house, earlier, document, skip=("train", "quality"))
    assert made.stage("train").reason.startswith("skipped in this run; uses the result of run")
    assert made.warnings == (f"train: {made.stage('train').reason}",)
    assert actions(made)["evaluate"] == "reuse"


def test_a_gate_does_not_judge_by_what_is_not_selected_and_stale(house, earlier):
    document = house.changed("stages.evaluate.arguments", ["--strict"])
    with pytest.raises(PlanError, match="evaluate is not selected, and its last result has other inputs"):
        planned(house, earlier, document, only=("quality",))


def test_without_an_earlier_result_there_is_nothing_to_lend(house):
    message = "not selected, and there is no result in partition 2026-01-31; train needs"
    with pytest.raises(PlanError, match=message):
        planned(house, only=("train",))


def test_force_runs_what_is_selected_and_nothing_else(house, earlier):
    asked = replace(house.trigger("manual:f"), only=("train",))
    made = plan(house.changed(), asked, house.recorded(earlier), force=True)
    assert [name for name, action in actions(made).items() if action == "run"] == ["train"]


def test_a_trigger_keeps_its_selection_as_json():
    trigger = Trigger(
        "manual", "manual:1", "2026-01-31T14:00:00.000Z", start=("a",), skip=("b",), resumes="r"
    )
    assert Trigger.from_json(trigger.to_json()) == trigger
    assert trigger.selection == Selection(start=("a",), skip=("b",))
