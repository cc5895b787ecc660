"""The name of a pipeline selects its newest run. Without STAGE, prints the logs of all stages that ran,
sorted by time. A reused stage shows the log of the run that made its result.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from stagewright.api import documents
from stagewright.api.target import LOCAL, existing_session
from stagewright.cli.common import output
from stagewright.cli.common.command_hints import program
from stagewright.cli.common.options import Json, PipelineOrRun, TargetName

if TYPE_CHECKING:
    from stagewright.runs.history.logs import LogLine
    from stagewright.runs.history.records import RunRecord

StageName = Annotated[str | None, typer.Argument(metavar="STAGE", help="Only this stage.")]
Follow = Annotated[bool, typer.Option("--follow", "-f", help="Print new lines until the run ends.")]
Lines = Annotated[
    int, typer.Option("--lines", "-n", min=1, help="Maximum number of lines, counted from the end.")
]
Functions = Annotated[
    bool,
    typer.Option("--functions", help="Print the log of the Lambda functions about the run."),
]


def command(
    run: PipelineOrRun,
    stage: StageName = None,
    follow: Follow = False,
    functions: Functions = False,
    lines: Lines = 1000,
    target: TargetName = LOCAL,
    as_json: Json = False,
) -> None:
    from stagewright.runs.history import logs, run_history

    if as_json and follow:
        raise typer.BadParameter("--json and --follow cannot be combined")
    with existing_session(target) as connected:
        gateway = connected.gateway
        run_id = documents.run_of(connected, run)
        record = run_history.show(gateway, run_id)
        if record.status == "QUEUED" and not functions:
            output.note(f"{run_id} {record.reason}: it has no log yet")
        elif stage and not functions and (origin := logs.origin(gateway, run_id, stage)) != run_id:
            output.note(f"{stage} was reused from {origin}")
        if functions:
            log_lines: Iterable[LogLine] = logs.function_lines(gateway, run_id)
        elif follow:
            log_lines = logs.follow(gateway, run_id, stage)
        else:
            log_lines = last_lines = logs.tail(gateway, run_id, stage, lines)
            if not last_lines and record.status != "QUEUED":
                output.note(nothing_logged(record, stage))
        if as_json:
            output.print_json({"run": run_id, "lines": list(log_lines)})
        else:
            print_lines(log_lines, stage)


def nothing_logged(record: RunRecord, stage: str | None) -> str:
    message = f"no log lines of {stage or record.run}"
    if stage or not any(each.status == "REUSED" for each in record.stages):
        return message
    return f"{message}; {program()} logs {record.run} STAGE prints the log of a reused stage"


def print_lines(lines: Iterable[LogLine], of: str | None) -> None:
    """Print log lines. A line of another source than the stage `of` starts with its source.

    An event of several lines has its source in each, so that no text looks like a line of another source.
    """
    for line in lines:
        for text in line.text.split("\n"):
            output.print_line(text if line.source == of else f"{line.source}  {text}")
