"""Champions, pins, caches, retries and gates in a plan."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest

from stagewright.document.load import load
from stagewright.errors import PlanError
from stagewright.planner.model import Champion, GoodResult, Pinned
from stagewright.planner.planner import plan

JUDGED = "${stages.evaluate.metrics.r2} >= ${champion.evaluate.metrics.r2} - 0.01"
PACKAGE = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/house-price/1"


@pytest.fixture
def document(house):
    def make(partition="2026-01-31", **changes):
        """`stage__field` -> value; None removes it."""
        data = copy.deepcopy(house.DOCUMENT) | {"partition": partition}
        for path, value in changes.items():
            stage, _, field = path.partition("__")
            data["stages"][stage][field] = value
        return load(data)

    return make


@pytest.fixture
def planned(house):
    def make(document, results=None, day=1, force=False, **recorded):
        trigger = house.trigger(f"code:house-price:{day}", f"2026-02-{day:02}T14:00:00.000Z")
        return plan(document, trigger, replace(house.recorded(results), **recorded), force)

    return make


def steps(made):
    return made.stage("quality").requests["Gate"]


def champion(run, r2=0.9, gate_run=""):
    results = {"evaluate": GoodResult(run, "", "f", {"metrics": {"r2": r2}}, {})}
    return Champion(PACKAGE, run, results | {"quality": GoodResult(gate_run or run, "", "g", {}, {})})


def reason(made, stage):
    return made.stage(stage).reason


def test_comparison_holds_while_there_is_no_champion(document, planned):
    made = planned(document(quality__require=[JUDGED, "${stages.evaluate.metrics.r2} > 0.5"]))
    assert reason(made, "quality") == "no earlier result; no champion yet"
    assert [step["op"] for step in steps(made)] == ["holds", "value", "value", ">", "and"]


def test_champion_metrics_are_inputs_of_the_gate(document, planned, house):
    judged = document(quality__require=JUDGED)
    first = planned(judged, champion=champion("a-run", 0.9))
    text = "evaluate.metrics.r2 >= champion.evaluate.metrics.r2 - 0.01"
    assert steps(first)[1:3] == [{"op": "value", "value": 0.9}, {"op": "value", "value": 0.01}]
    assert steps(first)[-1] == {"op": ">=", "text": text}
    again = planned(judged, house.results_of(first), 2, champion=champion("b-run", 0.92))
    assert reason(again, "quality") == "quality: champion.evaluate.metrics.r2 0.9 -> 0.92"
    assert again.stage("quality").action == "run"


@pytest.mark.parametrize("reused", [False, True])
def test_gate_is_not_rerun_for_its_own_champion(document, planned, house, reused):
    """The champion's run passed the gate, or reused the gate's result of an earlier run."""
    judged = document(quality__require=JUDGED)
    first = planned(judged)
    made = champion("later-run" if reused else first.run, 0.91, first.run)
    again = planned(judged, house.results_of(first), 2, champion=made)
    assert {stage.action for stage in again.stages} == {"reuse"}


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (
            Champion(PACKAGE, "", {}),
            f"the champion ({PACKAGE}, not made by a run of this installation) has no ",
        ),
        (Champion(PACKAGE, "a-run", {}), f"the champion ({PACKAGE}, made by run a-run) has no "),
    ],
)
def test_champion_without_the_metric_is_rejected(document, planned, made, expected):
    with pytest.raises(PlanError) as caught:
        planned(document(quality__require=JUDGED), champion=made)
    assert [problem.message for problem in caught.value.problems] == [f"{expected}evaluate.metrics.r2"]


def test_uncached_stage_reruns_with_its_dependents(document, planned, house):
    uncached = document(prepare__cache=False)
    first = planned(uncached)
    again = planned(uncached, house.results_of(first), 2)
    assert reason(again, "prepare") == "cache is off"
    assert reason(again, "train") == "train: prepare runs again"
    assert {stage.action for stage in again.stages} == {"run"}
    cached = planned(document(), house.results_of(again), 3)
    assert {stage.action for stage in cached.stages} == {"reuse"}


def test_result_is_reused_until_its_maximum_age(document, planned, house):
    aged = document(prepare__cache={"max_age": "7d"})
    first = planned(aged)
    (good,) = house.results_of(first)["prepare"]
    results = house.results_of(first) | {"prepare": [replace(good, ended="2026-02-01T14:00:00.000Z")]}
    assert {stage.action for stage in planned(aged, results, 8).stages} == {"reuse"}
    late = planned(aged, results, 9)
    assert reason(late, "prepare") == f"its result of {first.run} is older than 7d"
    assert reason(late, "train") == "train: prepare runs again"


def test_pinned_stage_reuses_the_result_of_its_run(document, planned, house):
    first = planned(document())
    results = house.results_of(first)
    run = "house-price-20260101t000000-abcdef"
    (good,) = results["prepare"]
    outputs = {"train": "s3://old/train", "test": "s3://old/test"}
    old = replace(good, run=run, fingerprint="old", result={"outputs": outputs})
    pinned = document(prepare__pin=run)
    made = planned(pinned, results, 2, pinned={"prepare": Pinned(old, "2026-01-31")})
    assert (made.stage("prepare").action, reason(made, "prepare")) == ("reuse", f"pinned to run {run}")
    assert made.stage("prepare").reused_from == run
    assert reason(made, "train") == "train: another result of prepare"
    channel = made.stage("train").requests["CreateTrainingJob"]["InputDataConfig"][0]["DataSource"]
    assert channel["S3DataSource"]["S3Uri"] == "s3://old/train/"
    other = replace(old, inputs=good.inputs | {"code.prepare.py": "another"})
    made = planned(pinned, results, 2, pinned={"prepare": Pinned(other, "2025-12")})
    stale = "(stale: code prepare.py changed)"
    assert reason(made, "prepare") == f"pinned to run {run} of partition 2025-12 {stale}"
    assert made.warnings == (f"prepare: {reason(made, 'prepare')}",)


def test_pin_without_a_result_is_rejected(document, planned):
    run = "house-price-20260101t000000-abcdef"
    with pytest.raises(PlanError) as caught:
        planned(document(prepare__pin=run), pinned={"prepare": Pinned(error=f"there is no run {run}")})
    (problem,) = caught.value.problems
    assert (problem.path, problem.message) == ("stages.prepare.pin", f"there is no run {run}")


def test_gate_rejects_a_stale_pinned_result(document, planned, house):
    first = planned(document())
    run = "house-price-20260101t000000-abcdef"
    (good,) = house.results_of(first)["evaluate"]
    old = replace(good, run=run, inputs=good.inputs | {"code.evaluate.py": "another"})
    with pytest.raises(PlanError) as caught:
        planned(document(evaluate__pin=run), house.results_of(first), pinned={"evaluate": Pinned(old, "x")})
    expected = f"evaluate is pinned to run {run}, and that result has other inputs: code evaluate.py changed"
    assert [problem.message for problem in caught.value.problems] == [expected]


def test_attempts_have_different_names_and_locations(document, planned):
    made = planned(document(prepare__retry={"attempts": 3, "wait": "2m"}))
    prepare = made.stage("prepare")
    assert (prepare.attempts, prepare.wait) == (3, 120)
    assert prepare.job == f"{made.run}-prepare-<<attempt>>"
    assert prepare.requests["CreateProcessingJob"]["ProcessingJobName"] == prepare.job
    assert prepare.outputs["train"].endswith(f"{made.run}/prepare/<<attempt>>/train")
    assert {binding.token for binding in made.stage("train").bindings} == {"<<prepare.outputs.train>>"}
    assert prepare.fingerprint == planned(document()).stage("prepare").fingerprint


def test_longest_job_name_fits_every_attempt(house):
    data = copy.deepcopy(house.DOCUMENT) | {"name": "p" * 40}
    data["stages"]["prepare"]["retry"] = {"attempts": 10}
    made = plan(load(data), house.trigger(), house.recorded())
    for attempt in (1, 10):
        assert len(made.stage("prepare").job.replace("<<attempt>>", str(attempt))) <= 63


def gate(*after, otherwise="skip"):
    return {"kind": "gate", "require": "1 < 2", "else": otherwise, "after": list(after)}


def call(*after):
    return {"kind": "gate", "require": "1 < 2", "after": list(after)}


def test_stages_know_the_gates_that_they_depend_on(house):
    stages = {
        "a": call(),
        "skips": gate("a"),
        "b": call("skips"),
        "stops": gate("b", otherwise="stop"),
        "c": call("b", "stops"),
        "d": call("a"),
        "e": call("d"),
    }
    made = plan(load({"name": "p", "stages": stages}), house.trigger(), house.recorded())
    assert {stage.name: stage.gates for stage in made.stages} == {
        "a": (),
        "skips": (),
        "b": ("skips",),
        "stops": ("skips",),
        "c": ("skips", "stops"),
        "d": (),
        "e": (),
    }
    assert made.waves == ((("a",),), (("skips", "b", "stops", "c"), ("d", "e")))
    assert {stage.name for stage in made.stages if stage.watch == ("stops",)} == {"d", "e"}
    assert {stage.otherwise for stage in made.stages if stage.name in ("skips", "stops")} == {"skip", "stop"}
