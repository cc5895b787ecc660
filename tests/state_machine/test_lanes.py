"""Chains with several parts, instances of lists that fail, and stages that gather them."""

from __future__ import annotations

import pytest
from tests.state_machine.test_builder import CAUSE, condition


def of_list(stage, name, failures=0, **fields):
    """An instance `<stage>/<item>` of the list `regions`."""
    _, _, item = name.partition("/")
    return stage | {"name": name, "list": "regions", "item": item, "failures": failures, **fields}


@pytest.fixture
def instance(train):
    """Makes a training instance. With `fails`, its job fails."""

    def make(name, fails=False, **fields):
        job = name.replace("/", "-")
        return of_list(train(f"{job}-fail-x" if fails else job), name, **fields)

    return make


def gathering(train, failures=0, items=3, skips=()):
    gathered = {"stages": ["train"], "skips": [*skips], "failures": failures, "items": items}
    return train("summary") | {"gathers": [gathered]}


def status(walked, stage):
    return walked.items.get(f"stage#{stage}", {}).get("status", {}).get("S")


def test_failed_part_ends_and_the_next_parts_of_the_lane_run(engine, instance):
    lane = [
        instance("train/a", fails=True, part=1), instance("test/a", part=1),
        instance("train/b", part=2), instance("test/b", part=2),
    ]  # fmt: skip
    walked = engine.walk([[lane, [instance("train/c")]]])
    assert {name: status(walked, name) for name in ("train/a", "test/a", "train/b", "test/b", "train/c")} == {
        "train/a": "FAILED", "test/a": None, "train/b": "SUCCEEDED", "test/b": "SUCCEEDED",
        "train/c": "SUCCEEDED",
    }  # fmt: skip
    assert (walked.status, walked.cause.partition(":")[0]) == ("FAILED", "train/a")


def test_failures_of_several_parts_are_counted(engine, instance):
    lane = [instance(f"train/{n}", fails=n < 3, part=n) for n in (1, 2, 3)]
    walked = engine.walk([[lane]])
    assert status(walked, "train/3") == "SUCCEEDED"
    assert walked.cause.endswith("(and 1 more failed)")


def test_parts_that_are_no_instances_run_on_but_end_the_run(engine, train):
    lane = [train("a-fail-x") | {"part": 1}, train("b") | {"part": 2}]
    walked = engine.walk([[lane], [[train("later")]]])
    assert walked.status == "FAILED"
    assert (status(walked, "b"), status(walked, "later")) == ("SUCCEEDED", None)


def test_values_of_one_part_do_not_reach_the_next(engine, stage, train):
    bound = train("c", ["b.model"], InputDataConfig="<<b.model>>")
    walked = engine.walk([[[train("a") | {"part": 1}, train("b") | {"part": 2}, bound | {"part": 2}]]])
    assert walked.status == "SUCCEEDED", walked.cause
    assert walked.requests("createTrainingJob.sync")[-1]["InputDataConfig"] == "s3://bucket/model.tar.gz"


def test_other_instances_continue_in_later_waves(engine, instance):
    waves = [
        [[instance("train/a", fails=True)], [instance("train/b")]],
        [[instance("test/a", gates=["train/a"])], [instance("test/b", gates=["train/b"])]],
    ]
    walked = engine.walk(waves)
    assert (status(walked, "test/a"), status(walked, "test/b")) == (None, "SUCCEEDED")
    assert (walked.status, walked.cause.partition(":")[0]) == ("FAILED", "train/a")


@pytest.mark.parametrize(
    ("failed", "allowed", "runs"), [(1, 0, False), (1, 1, True), (2, 1, False), (3, 3, False)]
)
def test_gathering_stage_runs_if_enough_instances_are_left(engine, train, instance, failed, allowed, runs):
    first = [[instance(f"train/{n}", fails=n < failed, failures=allowed)] for n in range(3)]
    walked = engine.walk([first, [[gathering(train, allowed)]]])
    assert (status(walked, "summary") == "SUCCEEDED") == runs
    assert (walked.status == "SUCCEEDED") == (failed <= allowed)
    if walked.status == "SUCCEEDED":
        assert walked.output["reason"].startswith("max_failures allows it: train/")


def test_stages_of_one_item_count_once(engine, train, instance):
    first = [[instance(f"{name}/a", fails=True, failures=1)] for name in ("train", "report")]
    walked = engine.walk([first, [[gathering(train, 1)]]])
    assert (walked.status, status(walked, "summary")) == ("SUCCEEDED", "SUCCEEDED")


@pytest.mark.parametrize(("closed", "runs"), [(1, True), (2, False)])
def test_items_behind_their_gate_are_left_out(engine, stage, train, instance, closed, runs):
    def good(item, shut):
        steps = {"Gate": condition(1, ">" if shut else "<", 2)}
        return of_list(stage("good", "gate", steps), f"good/{item}", **{"else": "skip"})

    first = [
        [good("a", True) | {"part": 1}, instance("train/a", part=1),
         good("b", closed > 1) | {"part": 2}, instance("train/b", part=2)]
    ]  # fmt: skip
    walked = engine.walk([first, [[gathering(train, items=2, skips=["good"])]]])
    assert walked.status == "SUCCEEDED", walked.cause
    assert (status(walked, "train/a"), status(walked, "train/b")) == (
        None,
        None if closed > 1 else "SUCCEEDED",
    )
    assert (status(walked, "summary") == "SUCCEEDED") == runs
    assert CAUSE in walked.output["reason"]


def test_stop_ends_all_parts_of_the_lane(engine, stage, train):
    shut = stage("quality", "gate", {"Gate": condition(1, ">", 2)}) | {"else": "stop", "part": 1}
    walked = engine.walk([[[shut, train("a") | {"part": 2}]]])
    assert (walked.status, walked.ran()) == ("SUCCEEDED", set())


def test_retried_instance_keeps_its_lane(engine, stage, instance):
    """The walker's state of another attempt has all that the parts after it need."""
    named = '{"job": "run-a-fail-x-<<attempt>>", "outputs": {}, "metrics": {}}'
    retried = instance("train/a", fails=True, part=1, failures=1)
    retried |= {"retry": {"attempts": 2, "wait": 1, "named": named}}
    walked = engine.walk(
        [[[retried, instance("train/b", part=2)]], [[instance("test/a", gates=["train/a"])]]]
    )
    assert (status(walked, "train/a"), status(walked, "train/b")) == ("FAILED", "SUCCEEDED")
    assert (walked.status, status(walked, "test/a")) == ("SUCCEEDED", None)
