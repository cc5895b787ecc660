"""Long lists in tables: one row for all items, and the items that need attention."""

from __future__ import annotations

from stagewright.api import instances, tables
from stagewright.planner.model import Plan, StagePlan, Trigger
from stagewright.runs.history.records import StageRecord


def record(name, status="SUCCEEDED", cause=""):
    return StageRecord(name, "training", "run", "no earlier result", status, cause=cause)


def test_long_list_is_one_row_with_its_failures():
    items = [*(record(f"train/r{n}") for n in range(18)), record("train/r18", "FAILED", "boom")]
    stages = [record("prepare"), *items, record("train/r19", "RUNNING"), record("summary")]
    rows = tables.stage_rows(stages)
    assert [row[:2] for row in rows] == [
        ("prepare", "SUCCEEDED"),
        ("train", "18 SUCCEEDED, 1 FAILED, 1 RUNNING"),
        ("train/r18", "FAILED"),
        ("summary", "SUCCEEDED"),
    ]  # fmt: skip
    assert rows[2][-1] == "boom"
    assert len(tables.stage_rows(stages, every=True)) == len(stages)


def test_short_list_has_a_row_for_each_item():
    stages = [record(f"train/r{n}") for n in range(instances.MOST_LISTED)]
    assert [row[0] for row in tables.stage_rows(stages)] == [stage.name for stage in stages]


def test_only_the_first_failures_have_rows():
    rows = tables.stage_rows([record(f"train/r{n}", "FAILED") for n in range(1_000)])
    assert len(rows) == 1 + instances.MOST_ATTENTION


def plan_of(*waves):
    """A plan of these waves of lanes of parts."""
    numbers = {
        name: number if len(lane) > 1 else 0
        for wave in waves
        for lane in wave
        for number, part in enumerate(lane, 1)
        for name in part
    }
    stages = tuple(StagePlan(name, "training", "run", "", part=part) for name, part in numbers.items())
    chains = tuple(tuple(tuple(n for part in lane for n in part) for lane in wave) for wave in waves)
    return Plan("r", "p", "default", Trigger("manual", "k", "t"), "d", 1, stages, chains)


def test_chains_of_a_long_list_are_written_once():
    lanes = [[[f"train/r{n}", f"good/r{n}"] for n in range(lane, 20, 4)] for lane in range(4)]
    assert list(instances.wave_lines(plan_of(lanes, [[["summary"]]]))) == [
        "wave 1 (4 at the same time): train -> good (20 items)",
        "wave 2: summary",
    ]


def test_independent_stages_of_a_lane_are_no_chain():
    made = plan_of([[["a", "b"], ["train/x"]], [["c"]]])
    assert list(instances.wave_lines(made)) == ["wave 1 (2 at the same time): a -> b | train/x | c"]
