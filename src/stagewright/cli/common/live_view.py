"""Watch a run until it ends: a live table on a terminal, else one line per change."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from stagewright.api import waiting
from stagewright.api.launch import caller
from stagewright.cli.common import output
from stagewright.cli.common.printable import one_line_printable
from stagewright.errors import RunFailedError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from stagewright.api.target import Session
    from stagewright.runs.history.records import RunRecord, StageRecord

HEADER = ("stage", "state", "took", "metrics", "why")


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
        for stage in record.stages:
            if self.shown.get(stage.name, "PLANNED") != stage.status:
                self.shown[stage.name] = stage.status
                output.note("  ".join(cell for cell in cells_without_failure(stage) if cell))

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
            HEADER, [cells_without_failure(stage) for stage in self.record.stages] if self.record else []
        )

    def update(self, record: RunRecord) -> None:
        self.record = record
        self.live.start(refresh=True)

    def pause(self) -> None:
        self.live.stop()

    def close(self) -> None:
        self.live.stop()


Cells = tuple[str, str, str, str, str]


def cells_without_failure(stage: StageRecord) -> Cells:
    """A row without the cause of a failure, which is printed with the log when the run has ended."""
    row = cells(stage)
    return (*row[:-1], "") if stage.status == "FAILED" else row


def cells(stage: StageRecord) -> Cells:
    """A row under `HEADER`. A reused stage has no duration, because another run made its result."""
    return (
        stage.name,
        stage.status,
        output.duration(stage.started, stage.ended) if stage.action == "run" else "",
        output.format_metrics(stage.metrics),
        output.one_line(why(stage)),
    )


def why(stage: StageRecord) -> str:
    """The cause of the stage's state, else the reason of its action. After retries, one cause per attempt."""
    reason = stage.reason.removeprefix(f"{stage.name}: ")
    if stage.status == "NOT_RUN":
        return f"{stage.cause}; planned to run: {reason}"
    if not stage.failed_attempts:
        return stage.cause or stage.detail or reason
    last = f"attempt {len(stage.failed_attempts) + 1} of {stage.attempts}"
    causes = [f"{last}: {stage.cause}" if stage.cause else last]
    causes += [f"attempt {failed.attempt}: {failed.cause}" for failed in stage.failed_attempts]
    return "; ".join(causes)


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
