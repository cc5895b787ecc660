"""Watch a run until it ends: a live table on a terminal, else one line per change."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from stagewright.api import instances, tables, waiting
from stagewright.api.launch import caller
from stagewright.api.printable import one_line_printable
from stagewright.cli.common import output
from stagewright.errors import RunFailedError
from stagewright.runs.history.live_status import UNFINISHED

if TYPE_CHECKING:
    from rich.console import RenderableType

    from stagewright.api.target import Session
    from stagewright.runs.history.records import RunRecord, StageRecord


class View(Protocol):
    def update(self, record: RunRecord) -> None: ...

    def pause(self) -> None: ...

    def close(self) -> None: ...


class Lines:
    """Prints a line on standard error when the state of a stage changes."""

    def __init__(self) -> None:
        self.shown: dict[str, str] = {}
        self.waiting = ""

    def update(self, record: RunRecord) -> None:
        if record.waits_for != self.waiting:
            self.waiting = record.waits_for
            if self.waiting:
                output.note(f"waits for {self.waiting}")
        for name, members in instances.grouped(record.stages):
            if len(members) > 1:
                self._update_list(name, members)
                members = instances.needing_attention(members)
            for stage in members:
                if self.shown.get(stage.name, "PLANNED") != stage.status:
                    self.shown[stage.name] = stage.status
                    output.note("  ".join(cell for cell in cells_without_failure(stage) if cell))

    def _update_list(self, name: str, members: Sequence[StageRecord]) -> None:
        """Print the result of a long list once, when none of its instances is left to run."""
        if name not in self.shown and all(stage.status not in UNFINISHED for stage in members):
            self.shown[name] = instances.counts(stage.status for stage in members)
            output.note(f"{name}  {self.shown[name]}")

    def pause(self) -> None:
        pass

    def close(self) -> None:
        pass


class Screen:
    """A table that is redrawn four times a second."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live

        self.record: RunRecord | None = None
        self.live = Live(
            console=Console(stderr=True, highlight=False),
            get_renderable=self.draw,
            refresh_per_second=4,
            transient=False,
        )

    def draw(self) -> RenderableType:
        from rich.text import Text

        if self.record and self.record.waits_for:
            return Text(one_line_printable(f"waits for {self.record.waits_for}"))
        return output.grid(
            tables.STAGE_HEADER,
            tables.stage_rows(self.record.stages, cells=cells_without_failure) if self.record else [],
        )

    def update(self, record: RunRecord) -> None:
        self.record = record
        self.live.start(refresh=True)

    def pause(self) -> None:
        self.live.stop()

    def close(self) -> None:
        self.live.stop()


def cells_without_failure(stage: StageRecord) -> tables.StageCells:
    """A row without the cause of a failure, which is printed with the log when the run has ended."""
    row = tables.stage_cells(stage)
    return (*row[:-1], "") if stage.status == "FAILED" else row


def watch(session: Session, run: str) -> RunRecord:
    """Watch `run` and return its record when it has ended.

    On a terminal, Ctrl-C asks whether to stop the run. Elsewhere it stops the run.
    """
    view: View = Screen() if sys.stderr.isatty() else Lines()
    stopping = False
    try:
        while True:
            try:
                for record in waiting.records(session, run):
                    view.update(record)
                    if not record.is_open:
                        return record
            except KeyboardInterrupt:
                if stopping:
                    raise
                view.pause()
                stopping = stop_if_confirmed(session, run)
    finally:
        view.close()


def stop_if_confirmed(session: Session, run: str) -> bool:
    """Stop the run unless the user answers no. Returns whether it is being stopped."""
    import typer

    from stagewright.runs.stop import stop

    can_ask = sys.stdin.isatty() and sys.stderr.isatty()
    if can_ask and not typer.confirm(f"Stop {run} and its jobs?", default=False, err=True):
        return False
    output.note(f"stopping {run} (Ctrl-C again to exit without waiting)")
    with suppress(RunFailedError):  # the run has ended
        stop(session.gateway, run, caller(session))
    return True
