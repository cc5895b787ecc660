from __future__ import annotations

from dataclasses import replace

from stagewright.api import tables
from stagewright.cli.common import live_view, output
from stagewright.planner.model import Trigger
from stagewright.runs.history.records import RunRecord

WAITING = RunRecord(
    run="prices-20260131t140000-bbbbbb",
    pipeline="prices",
    partition="",
    status="QUEUED",
    trigger=Trigger("manual", "manual:2", "2026-01-31T14:00:00.000Z"),
    release="",
    revision=0,
    created="2026-01-31T14:00:00.000Z",
    waits_for="prices-20260131t130000-aaaaaa",
)


def test_queued_run_is_noted_once(capsys):
    lines = live_view.Lines()
    for record in (WAITING, WAITING, replace(WAITING, status="RUNNING", waits_for="")):
        lines.update(record)
    assert capsys.readouterr().err == "waits for prices-20260131t130000-aaaaaa\n"


def test_screen_shows_the_queued_run_instead_of_the_table():
    screen = live_view.Screen()
    screen.record = WAITING
    assert str(screen.draw()) == "waits for prices-20260131t130000-aaaaaa"
    screen.record = replace(WAITING, waits_for="")
    assert screen.draw() != ""
    assert isinstance(screen.draw(), type(output.grid(tables.STAGE_HEADER, [])))
