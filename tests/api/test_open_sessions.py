"""Which runs the end of a program waits for."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from stagewright.api import open_sessions, waiting
from stagewright.planner.model import Trigger
from stagewright.runs.history import run_history
from stagewright.runs.history.records import RunRecord, StageRecord

START = "2026-01-01T00:00:00.000Z"
RUNNING = RunRecord("a", "p", "", "RUNNING", Trigger("manual", "k", START), "r", 1, START)
WAITING = StageRecord("approve", "approval", "run", "", "WAITING")
QUEUED = replace(RUNNING, run="b", status="QUEUED", waits_for="a")
SESSION = SimpleNamespace(gateway=None)


@pytest.mark.parametrize(
    ("holder", "seen"),
    [
        (RUNNING, ["QUEUED", "RUNNING", "SUCCEEDED"]),
        (replace(RUNNING, stages=(WAITING,)), ["QUEUED"]),
    ],
)
def test_queued_run_is_awaited_unless_an_approval_holds_it(monkeypatch, holder, seen):
    checks: list[str] = []

    def records(session, run):
        for record in (QUEUED, replace(RUNNING, run="b"), replace(RUNNING, run="b", status="SUCCEEDED")):
            checks.append(record.status)
            yield record

    monkeypatch.setattr(waiting, "records", records)
    monkeypatch.setattr(run_history, "show", lambda gateway, run: {"a": holder}[run])
    open_sessions._wait(SESSION, "b")
    assert checks == seen


def test_run_that_waits_for_approval_is_not_awaited(monkeypatch):
    waits = replace(RUNNING, stages=(WAITING,))
    monkeypatch.setattr(waiting, "records", lambda session, run: iter((RUNNING, waits, RUNNING)))
    checked: list[RunRecord] = []
    original = open_sessions._is_held
    monkeypatch.setattr(
        open_sessions, "_is_held", lambda session, record: checked.append(record) or original(session, record)
    )
    open_sessions._wait(SESSION, "a")
    assert checked == [RUNNING, waits]
