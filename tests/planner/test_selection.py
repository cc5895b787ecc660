from __future__ import annotations

from dataclasses import replace

import pytest

from stagewright.errors import PlanError
from stagewright.planner.model import Trigger
from stagewright.planner.planner import plan
from stagewright.planner.selection import Selection, parse_names, select, unrunnable


def enabled(selected):
    return {name for name, stage in selected.pipeline.stages.items() if stage.enabled}


def planned(house, results=None, document=None, **selection):
    asked = replace(house.trigger(f"manual:{selection}"), **selection)
    return plan(document or house.changed(), asked, house.recorded(results))


def actions(made):
    return {stage.name: stage.action for stage in made.stages}


@pytest.fixture
def earlier(house):
    """What a whole run has left behind."""
    return house.results_of(planned(house))


def test_unselected_stages_are_disabled(house):
    assert enabled(select(house.changed(), Selection(("train", "deploy")))) == {"train", "deploy"}


def test_empty_selection_changes_nothing(house):
    document = house.changed()
    assert select(document, Selection()).pipeline is document


def test_selected_but_disabled_stage_stays_disabled_and_is_reported(house):
    document, asked = house.changed("stages.train.enabled", False), Selection(("train", "deploy"))
    assert enabled(select(document, asked)) == {"deploy"}
    assert [str(problem) for problem in unrunnable(document, asked)] == [
        "only: train is disabled in the document (set stages.train.enabled=true)"
    ]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (Selection(("deplyo",)), r'only: no such stage: deplyo \(did you mean "deploy"\?\)'),
        (Selection(start=("x",)), "from: no such stage: x"),
        (Selection(skip=("trian",)), r'skip: no such stage: trian \(did you mean "train"\?\)'),
        (Selection(("train",), skip=("train",)), "only: train is also skipped"),
        (Selection(start=("train",), skip=("train",)), "from: train is also skipped"),
        (Selection(("train",), ("evaluate",)), "use either only or from"),
    ],
)
def test_contradictory_selection_is_rejected(house, asked, expected):
    with pytest.raises(PlanError, match=expected):
        select(house.changed(), asked)


def test_start_includes_every_dependent_stage(house):
    asked = Selection(start=("evaluate",), skip=("deploy",))
    assert enabled(select(house.changed(), asked)) == {"evaluate", "quality", "register"}


def test_names_are_parsed_from_one_or_more_values():
    assert parse_names(["a, b", "c,a", ""]) == ("a", "b", "c")


def test_only_reuses_unselected_stages_with_a_reason(house, earlier):
    made = planned(house, earlier, only=("quality",))
    first = earlier["train"][0].run
    assert made.stage("train").reason == f"not selected; uses the result of run {first}"
    assert {name for name, action in actions(made).items() if action == "run"} == set()
    assert made.stage("quality").reason == f"same as run {first}"


def test_start_reruns_unchanged_stages(house, earlier):
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


def test_result_of_a_start_stage_is_reused_by_the_next_run(house, earlier):
    again = planned(house, earlier, start=("train",))
    later = house.results_of(again) | {"prepare": earlier["prepare"]}
    made = planned(house, later)
    assert set(actions(made).values()) == {"reuse"}
    assert made.stage("evaluate").reused_from == again.run


def test_skipped_stage_is_reused_and_others_run(house, earlier):
    document = house.changed("stages.train.hyperparameters.n-estimators", 500)
    made = planned(house, earlier, document, skip=("train", "quality"))
    assert made.stage("train").reason.startswith("skipped in this run; uses the result of run")
    assert made.warnings == (f"train: {made.stage('train').reason}",)
    assert actions(made)["evaluate"] == "reuse"


def test_gate_rejects_an_unselected_stale_result(house, earlier):
    document = house.changed("stages.evaluate.arguments", ["--strict"])
    with pytest.raises(PlanError, match="evaluate is not selected, and its last result has other inputs"):
        planned(house, earlier, document, only=("quality",))


def test_unselected_stage_without_a_result_is_rejected(house):
    message = "not selected, and there is no result in partition 2026-01-31; train needs"
    with pytest.raises(PlanError, match=message):
        planned(house, only=("train",))


def test_force_runs_only_selected_stages(house, earlier):
    asked = replace(house.trigger("manual:f"), only=("train",))
    made = plan(house.changed(), asked, house.recorded(earlier), force=True)
    assert [name for name, action in actions(made).items() if action == "run"] == ["train"]


def test_trigger_json_keeps_its_selection():
    trigger = Trigger(
        "manual", "manual:1", "2026-01-31T14:00:00.000Z", start=("a",), skip=("b",), resumes="r"
    )
    assert Trigger.from_json(trigger.to_json()) == trigger
    assert trigger.selection == Selection(start=("a",), skip=("b",))
