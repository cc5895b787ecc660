"""Text from outside cannot act on the terminal. JSON keeps its value."""

from __future__ import annotations

import json
import os
import pty
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from tests.cli.test_live import DONE, TRAIN, record

from stagewright.api.printable import UNSAFE, one_line_printable, printable, printable_json
from stagewright.cli.commands.inspect import logs, show
from stagewright.cli.commands.serve import predict
from stagewright.cli.common import live_view, output, summary
from stagewright.errors import TargetError
from stagewright.runs.history.logs import LogLine

EVIL = "\x1b[2J\x1b]0;title\x07ok\rhidden\u202egnp.exe\x9b1m\udcff\u2028\U000e0041"
SHOWN = r"\x1b[2J\x1b]0;title\x07ok\rhidden\u202egnp.exe\x9b1m\udcff\u2028\U000e0041"
SOURCE = Path(output.__file__).parents[1]


def test_unsafe_characters_are_escapes():
    assert printable(EVIL) == SHOWN
    assert one_line_printable("a\nb\tc") == r"a\nb\tc"


@pytest.mark.parametrize("text", ["", "plain\ttext\n", "Zürich → 東京 👩\u200d👧 é", "\\x1b", "3%|███|"])
def test_other_text_is_unchanged(text):
    assert printable(text) == text


def test_json_keeps_its_value(capsys):
    value = {"reason": EVIL, EVIL: ["a\nb", "\u200d é"]}
    output.print_json(value)
    text = capsys.readouterr().out
    assert json.loads(text) == value
    assert not UNSAFE.search(text)
    assert "é" in text
    assert printable_json("[1]") == "[1]"


PRINTS = {
    "line": lambda: output.print_line(EVIL),
    "note": lambda: output.note(EVIL),
    "table": lambda: output.table(("run", EVIL), [(EVIL, "x")]),
    "error": lambda: output.fail(TargetError(EVIL, EVIL), as_json=True, debug=False),
    "unexpected": lambda: output.fail(ValueError(EVIL), as_json=False, debug=False),
    "log": lambda: logs.print_lines([LogLine(EVIL, "time", EVIL)], None),
    "live": lambda: live_view.Lines().update(replace(record(replace(DONE, detail=EVIL)), waits_for=EVIL)),
    "outcome": lambda: summary.print_results(replace(record(DONE, status="SUCCEEDED"), reason=EVIL)),
    "failure": lambda: summary.print_failure(
        None, record(replace(TRAIN, kind="gate", status="FAILED", cause=EVIL), status="FAILED"), "again"
    ),
    "show": lambda: show.print_record(
        replace(
            record(replace(DONE, result={"outputs": {"x": EVIL}})),
            trigger=replace(record().trigger, by=EVIL, parameters={"p": EVIL}),
            reason=EVIL,
        )
    ),
}


@pytest.mark.parametrize("way", PRINTS)
def test_nothing_that_is_printed_has_unsafe_characters(way, capsys):
    PRINTS[way]()
    printed = capsys.readouterr()
    assert "\\x1b" in printed.out + printed.err or "\\u001b" in printed.out
    assert not UNSAFE.search(printed.out + printed.err)


def on_terminal(monkeypatch, prints):
    """What a terminal receives from a function that prints."""
    reading, writing = pty.openpty()
    with os.fdopen(writing, "w") as terminal:
        monkeypatch.setattr(sys, "stdout", terminal)
        monkeypatch.setenv("NO_COLOR", "1")
        prints()
        terminal.flush()
        received = os.read(reading, 100_000).decode()
    os.close(reading)
    monkeypatch.undo()
    return received


@pytest.mark.parametrize(
    "prints",
    [
        lambda: output.table(("stage", "why"), [("a", "\x1b[31mred"), ("b", "[bold]x[/bold]")]),
        lambda: predict.print_answer(b"\x1b[31mred [bold]x[/bold]"),
    ],
    ids=["table", "prediction"],
)
def test_terminal_receives_escapes_and_no_markup(monkeypatch, prints):
    received = on_terminal(monkeypatch, prints)
    assert r"\x1b[31mred" in received
    assert "[bold]x[/bold]" in received
    assert "\x1b[31m" not in received


def test_prediction_is_exact_when_it_is_piped(capfdbinary):
    predict.print_answer(b"\x00\x1b\xff")
    assert capfdbinary.readouterr().out == b"\x00\x1b\xff\n"


def test_reason_of_a_waiting_run_is_no_markup():
    screen = live_view.Screen()
    screen.record = replace(record(), waits_for="[link=evil]x[/link]\x1b[2J")
    assert str(screen.draw()) == r"waits for [link=evil]x[/link]\x1b[2J"


def test_log_event_of_several_lines_cannot_look_like_another_source(capsys):
    logs.print_lines([LogLine("train", "time", "one\nregister  approved")], None)
    assert capsys.readouterr().out == "train  one\ntrain  register  approved\n"


def test_only_these_modules_print():
    """Everything else goes through `output`, which makes text printable."""
    printing = re.compile(r"\bprint\(|typer\.echo|click\.echo|std(out|err)\.(buffer\.)?write|print_exc\(")
    found = {
        file.relative_to(SOURCE).as_posix()
        for file in SOURCE.rglob("*.py")
        if printing.search(file.read_text())
    }
    exact = {"commands/inspect/report.py", "commands/serve/predict.py"}  # a page and an answer, byte for byte
    assert found == {"app.py", "common/output.py"} | exact  # app.py prints the version
