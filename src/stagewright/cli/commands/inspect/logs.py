"""The name of a pipeline selects its newest run. Without STAGE, prints the logs of all stages that ran,
sorted by time. A reused stage shows the log of the run that made its result.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from stagewright.api import documents
from stagewright.api.log_lines import texts
from stagewright.api.target import LOCAL, existing_session
from stagewright.cli.common import output
from stagewright.cli.common.command_hints import program
from stagewright.cli.common.options import Json, PipelineOrRun, TargetName
from stagewright.errors import NotFoundError

if TYPE_CHECKING:
    from stagewright.operator_gateway import OperatorGateway
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
Failed = Annotated[bool, typer.Option("--failed", help="Only the stages that failed.")]
Grep = Annotated[
    str | None,
    typer.Option("--grep", metavar="TEXT", help="Only lines with this text, from the whole logs."),
]
Times = Annotated[bool, typer.Option("--times", help="Print the local time of each line, with its zone.")]


def command(
    run: PipelineOrRun,
    stage: StageName = None,
    follow: Follow = False,
    functions: Functions = False,
    failed: Failed = False,
    grep: Grep = None,
    times: Times = False,
    lines: Lines = 1000,
    target: TargetName = LOCAL,
    as_json: Json = False,
) -> None:
    from stagewright.runs.history import logs, run_history

    require_combination(stage, follow, functions, failed, grep, as_json)
    with existing_session(target) as connected:
        gateway = connected.gateway
        run_id = documents.run_of(connected, run)
        record = run_history.show(gateway, run_id)
        if record.status == "QUEUED" and not functions:
            output.note(f"{run_id} {record.reason}: it has no log yet")
        elif stage and not functions and (origin := logs.origin(gateway, record, stage)) != run_id:
            output.note(f"{stage} was reused from {origin}")
        if functions:
            log_lines: Iterable[LogLine] = logs.function_lines(gateway, run_id)
        elif follow:
            log_lines = logs.follow(gateway, run_id, stage)
        else:
            names = failed_stages(record) if failed else [stage]
            log_lines = found = last_lines(gateway, record, names, grep, lines)
            if not found and record.status != "QUEUED":
                output.note(f"no log line has the text {grep}" if grep else nothing_logged(record, stage))
        if as_json:
            output.print_json({"run": run_id, "lines": list(log_lines)})
        else:
            print_lines(log_lines, stage, times)


def nothing_logged(record: RunRecord, stage: str | None) -> str:
    message = f"no log lines of {stage or record.run}"
    if stage or not any(each.status == "REUSED" for each in record.stages):
        return message
    return f"{message}; {program()} logs {record.run} STAGE prints the log of a reused stage"


def require_combination(
    stage: str | None, follow: bool, functions: bool, failed: bool, grep: str | None, as_json: bool
) -> None:
    """Raise BadParameter for options that exclude each other."""
    given = {"--follow": follow, "--functions": functions, "--failed": failed, "--grep": grep is not None}
    pairs = (("--follow", "--failed"), ("--follow", "--grep"), ("--functions", "--grep"),
             ("--functions", "--failed"))  # fmt: skip
    for pair in pairs:
        if all(given[option] for option in pair):
            raise typer.BadParameter(f"{pair[0]} and {pair[1]} cannot be combined")
    if as_json and follow:
        raise typer.BadParameter("--json and --follow cannot be combined")
    if failed and stage:
        raise typer.BadParameter("--failed selects the stages: leave STAGE out")
    if grep == "":
        raise typer.BadParameter("--grep needs a text")


def failed_stages(record: RunRecord) -> list[str]:
    """Return the failed stages that have a log. Raises NotFoundError if there is none."""
    from stagewright.stages.registry import recorded_kind

    failed = [stage for stage in record.stages if stage.status == "FAILED"]
    names = [stage.name for stage in failed if recorded_kind(stage.kind).has_log]
    if not names:
        what = f"{failed[0].name}, which failed, has no log" if failed else "no stage failed"
        raise NotFoundError(f"{record.run}: {what}", f"{program()} show {record.run}")
    return names


def last_lines(
    gateway: OperatorGateway, record: RunRecord, stages: Iterable[str | None], text: str | None, count: int
) -> list[LogLine]:
    """Return the last lines of the stages, or those that contain a text. None stands for all stages."""
    from stagewright.runs.history import logs

    lines = [
        line
        for stage in stages
        for line in (
            logs.search(gateway, record, text, stage, count)
            if text
            else logs.tail(gateway, record, stage, count)
        )
    ]
    return sorted(lines, key=lambda line: line.time)[-count:]


def print_lines(lines: Iterable[LogLine], of: str | None, times: bool = False) -> None:
    """Print log lines, as they arrive."""
    for text in texts(lines, of, times):
        output.print_line(text)
