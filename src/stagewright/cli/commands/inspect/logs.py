"""A pipeline's name stands for its newest run. Without STAGE: all that ran, in order of time. The log of a
stage that was reused is that of the run that made its result.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from stagewright.cli.common import documents, output
from stagewright.cli.common.options import Json, PipelineOrRun, TargetName
from stagewright.cli.common.target import LOCAL, existing_session

if TYPE_CHECKING:
    from stagewright.runs.history.logs import LogLine

StageName = Annotated[str | None, typer.Argument(metavar="STAGE", help="Only this stage.")]
Follow = Annotated[
    bool, typer.Option("--follow", "-f", help="Print new lines as they come, until the run is over.")
]
Lines = Annotated[int, typer.Option("--lines", "-n", min=1, help="At most this many, the last ones.")]
Functions = Annotated[
    bool,
    typer.Option("--functions", help="What the router, recorder and sweeper logged about the run instead."),
]


def command(
    place: PipelineOrRun,
    stage: StageName = None,
    follow: Follow = False,
    functions: Functions = False,
    lines: Lines = 1000,
    target: TargetName = LOCAL,
    as_json: Json = False,
) -> None:
    from stagewright.runs.history import logs, run_history

    if as_json and follow:
        raise typer.BadParameter("--json prints one document, at the end; --follow has none")
    with existing_session(target) as connected:
        gateway = connected.gateway
        run = documents.run_of(connected, place)
        record = run_history.show(gateway, run)
        if record.status == "QUEUED" and not functions:
            output.note(f"{run} {record.reason}: it has no log yet")
        elif stage and not functions and (made := logs.origin(gateway, run, stage)) != run:
            output.note(f"{stage} was reused from {made}")
        if functions:
            found: Iterable[LogLine] = logs.function_lines(gateway, run)
        else:
            found = logs.follow(gateway, run, stage) if follow else logs.tail(gateway, run, stage, lines)
        if as_json:
            output.print_json({"run": run, "lines": list(found)})
        else:
            print_lines(found, stage)


def print_lines(lines: Iterable[LogLine], of: str | None) -> None:
    """Each with its source, unless that is the stage asked for."""
    for line in lines:
        output.print_line(line.text if line.source == of else f"{line.source}  {line.text}")
