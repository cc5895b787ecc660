"""The comparison of several runs."""

from __future__ import annotations

from dataclasses import replace

from stagewright.api import tables
from stagewright.api.run_list import row
from stagewright.planner.model import Trigger
from stagewright.runs.history.records import RunRecord, StageRecord

START = "2026-01-01T00:00:00.000Z"
FIT = StageRecord("fit", "training", "run", "", "SUCCEEDED", metrics={"mae": 15164.5, "r2": 0.917})
RECORD = RunRecord(
    "a", "p", "default", "SUCCEEDED", Trigger("manual", "k", START, parameters={"depth": 3}), "r", 1, START,
    stages=(FIT,), seconds=2.5,
)  # fmt: skip
FAILED = replace(RECORD, run="b", status="FAILED", trigger=Trigger("code", "k", START), stages=())


def test_runs_are_compared_by_parameters_and_metrics():
    tuned = replace(RECORD, run="c", stages=(FIT, replace(FIT, name="check", metrics={"ok": 1.0})))
    assert tables.metric_table([RECORD, FAILED, tuned]) == (
        ("run", "state", "depth", "fit.mae", "fit.r2", "check.ok"),
        [
            ("a", "SUCCEEDED", "3", "15164.5", "0.917", ""),
            ("b", "FAILED", "", "", "", ""),
            ("c", "SUCCEEDED", "3", "15164.5", "0.917", "1"),
        ],
    )


def test_row_of_a_frame_is_flat():
    flat = row(RECORD)
    assert (flat["run"], flat["parameters.depth"], flat["fit.r2"], flat["seconds"]) == ("a", 3, 0.917, 2.5)
    assert flat["created"].isoformat() == "2026-01-01T00:00:00+00:00"
