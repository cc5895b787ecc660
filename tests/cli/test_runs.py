"""The list of runs, on terminals of any width."""

from __future__ import annotations

import sys
from dataclasses import replace

from stagewright.api import tables
from stagewright.cli.commands.inspect import runs
from stagewright.planner.model import Trigger
from stagewright.runs.history.records import RunRecord

START = "2026-01-01T00:00:00.000Z"
RUN = "house-price-20261122t130846-200799"
RECORD = RunRecord(
    RUN, "house-price", "default", "FAILED", Trigger("code", "code:1", START), "r", 1, START, START, START,
    reason="quality: evaluate.metrics.r2 >= 0.99 does not hold: 0.9177 >= 0.99, of run " + RUN,
)  # fmt: skip


def test_narrow_terminal_shows_whole_ids_and_reasons_below(capsys, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    runs.print_records([RECORD, replace(RECORD, run="b", status="SUCCEEDED", reason="")])
    lines = capsys.readouterr().out.splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert lines[0] == RUN
    assert lines[1].split()[:2] == ["FAILED", "code"]
    assert lines[2].startswith("  quality: evaluate.metrics.r2")
    assert lines[3].endswith(RUN)
    assert lines[4] == "b"


def test_runs_without_a_terminal_are_one_line_each(capsys):
    runs.print_records([RECORD])
    header, line = capsys.readouterr().out.splitlines()
    assert header.split() == [name for name in tables.RUN_HEADER if name not in tables.OPTIONAL]
    assert line.startswith(f"{RUN}  FAILED")
    assert line.endswith(RECORD.reason)


def test_date_and_partition_columns_appear_only_if_used(capsys):
    dated = replace(RECORD, trigger=Trigger("manual", "manual:1", START, date="2024-03"), partition="2024-03")
    runs.print_records([RECORD, dated])
    header, plain, line = capsys.readouterr().out.splitlines()
    assert header.split() == ["run", "state", "trigger", "date", "created", "took", "why"]
    assert line.split()[:4] == [RUN, "FAILED", "manual", "2024-03"]
    assert plain.split()[:3] == [RUN, "FAILED", "code"]
    runs.print_records([replace(dated, partition="north")])
    header, line = capsys.readouterr().out.splitlines()
    assert (header.split()[3:5], line.split()[3:5]) == (["date", "partition"], ["2024-03", "north"])
