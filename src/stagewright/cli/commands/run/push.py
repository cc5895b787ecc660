"""Uploads the files that changed and writes the release manifest last; that manifest's event starts a run.
Where nothing changed, nothing is written and nothing runs.
"""

from __future__ import annotations

import typer

from stagewright.cli.common import documents, output, overlays
from stagewright.cli.common.options import Document, Json, TargetName
from stagewright.cli.common.target import LOCAL, Session, session
from stagewright.errors import RunFailedError


def command(place: Document, target: TargetName = LOCAL, as_json: Json = False) -> None:
    from stagewright.cli.common import launch

    source = launch.Source.read(documents.path_of(place))
    overlays.warn(source.path)
    with session(target, runs=True) as connected:
        pushed = launch.push(connected, source)
        run = launch.wait_for_run(connected.gateway, pushed.trigger_key) if pushed.trigger_key else None
        if as_json:
            output.print_json(output.plain(pushed) | {"run": run})
        elif run is None and (pushed.uploaded or pushed.removed or pushed.document):
            told = launch.changes(pushed)
            output.print_line(f"{source.pipeline.name}: {told}; the push starts no run: no code trigger")
        elif run is None:
            output.print_line(f"{source.pipeline.name}: nothing changed since the last push")
        else:
            output.print_line(f"{source.pipeline.name}: {launch.changes(pushed)}; run {run}")
        if run and connected.own:
            watch_out(connected, run)


def watch_out(connected: Session, run: str) -> None:
    """The server that runs it ends with this command, so the command stays until the run is over."""
    from stagewright.cli.common import live_view, summary

    record = live_view.watch(connected, run)
    output.note(summary.headline(record))
    if record.status != "SUCCEEDED":
        raise typer.Exit(RunFailedError.exit_code)
