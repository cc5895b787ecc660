"""Uploads the files that changed, then the release manifest. The event of the manifest starts a run if the
document has a code trigger. If nothing changed, nothing is written and nothing runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from stagewright.api import formatting, run_options
from stagewright.api.target import LOCAL, Session, session
from stagewright.cli.common import output
from stagewright.cli.common.options import Document, Json, TargetName
from stagewright.errors import RunFailedError

if TYPE_CHECKING:
    from stagewright.runs.releases.push import PushResult


def command(document: Document, target: TargetName = LOCAL, as_json: Json = False) -> None:
    from stagewright.api import launch

    source = run_options.read_source(document, target)
    with session(target, runs=True) as connected:
        pushed = launch.push(connected, source)
        run = launch.wait_for_run(connected.gateway, pushed.trigger_key) if pushed.trigger_key else None
        if as_json:
            output.print_json(output.plain(pushed) | {"run": run})
        else:
            output.print_line(f"{source.pipeline.name}: {outcome(pushed, run)}")
        if run and connected.own:
            watch(connected, run)


def outcome(pushed: PushResult, run: str | None) -> str:
    from stagewright.api import launch

    if run:
        return f"{launch.changes(pushed)}; run {run}"
    if pushed.uploaded or pushed.removed or pushed.document:
        return f"{launch.changes(pushed)}; no run starts, because the document has no code trigger"
    return "nothing changed since the last push"


def watch(connected: Session, run: str) -> None:
    """Wait until the run ends, because the temporary server that runs it ends with this command."""
    from stagewright.cli.common import live_view

    record = live_view.watch(connected, run)
    output.note(formatting.headline(record))
    if record.status != "SUCCEEDED":
        raise typer.Exit(RunFailedError.exit_code)
