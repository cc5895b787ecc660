"""What changed since the last push is pushed, and the push's own event starts the run; where nothing changed,
another event does. On the local target the document's sample data is uploaded first.
"""

from __future__ import annotations

from typing import Annotated

import typer

from stagewright.cli import documents, environments, output, overlays
from stagewright.cli.options import Date, Document, Force, From, Json, Only, Parameters, Skip, TargetName
from stagewright.cli.target import LOCAL, environment_of, session
from stagewright.cli.typeable import program, resume, run_again
from stagewright.errors import RunFailedError, TargetError

Wait = Annotated[
    bool, typer.Option("--wait/--no-wait", help="Watch the run to its end, or leave once it has started.")
]


def command(
    place: Document,
    given: Parameters = [],  # noqa: B006 -- Typer copies it
    date: Date = None,
    force: Force = False,
    only: Only = [],  # noqa: B006
    start: From = [],  # noqa: B006
    skip: Skip = [],  # noqa: B006
    wait: Wait = True,
    target: TargetName = LOCAL,
    as_json: Json = False,
) -> None:
    from stagewright.cli import launch

    day = documents.date(date)
    source = launch.Source.read(documents.path_of(place))
    overlays.warn(source.path)
    parameters = documents.parameters(source.in_environment(environment_of(target)), given)
    with session(target) as connected:
        from stagewright.cli import live, summary

        if connected.own and not wait:
            raise TargetError(
                "--no-wait: the server of this command ends with it", "stagewright up, then run again"
            )
        pipeline = launch.effective(connected, source)
        environments.warn(connected, pipeline)
        selection = documents.selection(pipeline, only, start, skip)
        run = launch.start(connected, source, parameters, force, selection, day)
        output.note(f"run {run}")
        if not wait:
            report_started(run, as_json)
            return
        record = live.watch(connected, run)
        if connected.is_local:
            summary.print_warnings(connected.gateway, record)
        if as_json:
            output.print_json(record)
        else:
            again = resume(run, place) if selection or day else run_again(place, given)
            summary.print_outcome(connected.gateway, record, again)
    if record.status != "SUCCEEDED":
        raise typer.Exit(RunFailedError.exit_code)


def report_started(run: str, as_json: bool) -> None:
    if as_json:
        output.print_json({"run": run})
    else:
        output.say(f"next: {program()} show {run}")
