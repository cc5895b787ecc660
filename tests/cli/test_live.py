"""What is shown of a run while it runs, and when it is over."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stagewright.api import tables
from stagewright.cli.common import live_view, summary
from stagewright.planner.model import Trigger
from stagewright.runs.history.records import RunRecord, StageRecord

START, END = "2026-01-01T00:00:00.000Z", "2026-01-01T00:00:04.200Z"
TRAIN = StageRecord("train", "training", "run", "no earlier result", "PLANNED")
DONE = replace(TRAIN, status="SUCCEEDED", started=START, ended=END, metrics={"r2": 0.9})
REUSED = StageRecord("prepare", "processing", "reuse", "same as run old", "REUSED", started=START, ended=END)
DEPLOYED = StageRecord(
    "deploy",
    "endpoint",
    "run",
    "new",
    "SUCCEEDED",
    started=START,
    ended=END,
    result={"endpoint": "tiny-local"},
)


def record(*stages: StageRecord, status: str = "RUNNING") -> RunRecord:
    trigger = Trigger("manual", "manual:1", START)
    return RunRecord("tiny-1", "tiny", "default", status, trigger, "r", 1, START, START, END, stages=stages)


def test_lines_view_prints_each_change_once(capsys):
    view = live_view.Lines()
    view.update(record(TRAIN))
    assert capsys.readouterr().err == ""
    view.update(record(replace(TRAIN, status="RUNNING", started=START)))
    view.update(record(replace(TRAIN, status="RUNNING", started=START)))
    assert capsys.readouterr().err.count("train") == 1
    view.update(record(DONE))
    said = capsys.readouterr()
    assert said.err == "train  SUCCEEDED  4.2 s  r2 0.9  no earlier result\n"
    assert said.out == ""


def test_live_view_shows_no_cause_of_a_failed_stage(capsys):
    failed = replace(DONE, status="FAILED", metrics={}, cause="exit code 1")
    live_view.Lines().update(record(failed))
    assert capsys.readouterr().err == "train  FAILED  4.2 s\n"


def test_reason_does_not_repeat_the_stage_name():
    assert tables.stage_cells(replace(DONE, reason="train: image a -> b"))[-1] == "image a -> b"


def test_failure_prints_the_next_command(capsys):
    gate = replace(TRAIN, name="quality", kind="gate", status="FAILED", cause="0.7 >= 0.9")
    again = "stagewright run . -p least=1"
    summary.print_failure(None, record(gate, status="FAILED"), again)
    said = capsys.readouterr().err
    assert "next: stagewright show tiny-1 (metrics), or change the threshold (document, set, -p)" in said
    assert again not in said
    summary.print_failure(None, record(replace(TRAIN, status="STOPPED"), status="STOPPED"), again)
    assert "next:" not in capsys.readouterr().err
    summary.print_failure(None, record(replace(gate, kind="register"), status="FAILED"), again)
    assert f"next: {again} (" in capsys.readouterr().err


def test_reused_stage_has_no_duration():
    assert tables.stage_cells(REUSED) == ("prepare", "REUSED", "", "", "same as run old")


def test_failed_stage_shows_its_cause():
    assert tables.stage_cells(replace(DONE, status="FAILED", cause="exit code 1"))[-1] == "exit code 1"


def test_outcome_prints_results_and_next_command(capsys):
    done = record(REUSED, DONE, DEPLOYED, status="SUCCEEDED")
    summary.print_results(replace(done, created="2025-12-31T23:00:00.000Z"))  # it was queued for an hour
    said = capsys.readouterr().out
    assert "tiny-1 succeeded in 4.2 s: 2 stages ran, 1 reused" in said
    assert "train: r2 0.9" in said
    assert "deploy: endpoint tiny-local" in said
    assert "next: stagewright predict tiny --input FILE" in said


@pytest.mark.parametrize(
    ("arn", "name"),
    [
        ("arn:aws:sagemaker:us-east-1:1:model-package/house-price/3", "house-price version 3"),
        (
            "arn:aws:sagemaker:us-east-1:1:model-package/house-price",
            "arn:aws:sagemaker:us-east-1:1:model-package/house-price",
        ),
    ],
)
def test_model_package_is_shown_by_name_and_version(arn, name):
    assert summary.package_name(arn) == name
