"""Options of `logs` that exclude each other, and its lines."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
import typer

from stagewright.cli.commands.inspect import logs
from stagewright.errors import NotFoundError
from stagewright.planner.model import Trigger
from stagewright.runs.history.logs import LogLine
from stagewright.runs.history.records import RunRecord, StageRecord

TIME = "2026-01-01T00:00:00.000Z"
STAGES = tuple(
    StageRecord(name, kind, "run", "", status)
    for name, kind, status in (
        ("prepare", "processing", "SUCCEEDED"),
        ("train", "training", "FAILED"),
        ("quality", "gate", "FAILED"),
    )
)
RECORD = RunRecord(
    "r-1", "r", "default", "FAILED", Trigger("code", "code:1", TIME), "", 1, TIME, stages=STAGES
)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"follow": True, "grep": "x"}, "--follow and --grep cannot be combined"),
        ({"follow": True, "failed": True}, "--follow and --failed cannot be combined"),
        ({"functions": True, "grep": "x"}, "--functions and --grep cannot be combined"),
        ({"failed": True, "stage": "train"}, "leave STAGE out"),
        ({"grep": ""}, "--grep needs a text"),
    ],
)
def test_options_that_exclude_each_other_are_refused(options, message):
    with pytest.raises(typer.BadParameter, match=message):
        logs.command("r-1", **options)


def test_failed_selects_the_failed_stages_with_a_log():
    assert logs.failed_stages(RECORD) == ["train"]
    with pytest.raises(NotFoundError, match="quality, which failed, has no log"):
        logs.failed_stages(replace(RECORD, stages=STAGES[::2]))
    with pytest.raises(NotFoundError, match="no stage failed"):
        logs.failed_stages(replace(RECORD, stages=STAGES[:1]))


def test_each_line_has_its_time_with_the_zone(capsys, monkeypatch):
    logs.print_lines([LogLine("train", "2026-01-01T00:00:00.250Z", "one\ntwo")], None, times=True)
    first, second = capsys.readouterr().out.splitlines()
    time, source, text = first.split("  ")
    assert (source, text) == ("train", "one")
    assert datetime.fromisoformat(time) == datetime(2026, 1, 1, microsecond=250_000, tzinfo=UTC)
    assert second.startswith(time)
