"""Of one pipeline or of all. --metrics compares the parameters and metrics of ten runs. --dropped lists
events that matched a trigger but started no run, and why. Such events are kept for 30 days.
"""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from stagewright.api import documents, formatting, tables
from stagewright.api.target import LOCAL, is_empty, session, target_label
from stagewright.cli.common import output
from stagewright.cli.common.options import Json, TargetName

if TYPE_CHECKING:
    from stagewright.runs.history.records import RunRecord

COMPARED = 10
"""Runs that --metrics compares."""
PipelineFilter = Annotated[
    str | None, typer.Argument(metavar="PIPELINE", help="Only the runs of this pipeline.")
]
Dropped = Annotated[bool, typer.Option("--dropped", help="List events that started no run, and why.")]
Limit = Annotated[
    int | None,
    typer.Option(
        "--limit", min=1, max=1000, help="Maximum number of rows. The default is 20, with --since 1,000."
    ),
]
Since = Annotated[
    str | None,
    typer.Option("--since", metavar="TIME", help="Only runs created since: 2026-01-31, or 7d, 12h ago."),
]
Metrics = Annotated[
    bool, typer.Option("--metrics", help="Compare the runs' parameters and metrics: ten runs, or --limit.")
]


def command(
    pipeline: PipelineFilter = None,
    dropped: Dropped = False,
    metrics: Metrics = False,
    since: Since = None,
    limit: Limit = None,
    target: TargetName = LOCAL,
    as_json: Json = False,
) -> None:
    from stagewright.api import run_list

    if dropped and (metrics or since):
        raise typer.BadParameter("--dropped cannot be combined with --metrics or --since")
    name = documents.name_of(pipeline) if pipeline else None
    if dropped:
        print_dropped(name, limit or run_list.USUAL, target, as_json)
        return
    created = run_list.parse_since(since)
    records: Sequence[RunRecord] = ()
    if not is_empty(target):
        with session(target) as connected:
            most = limit or (COMPARED if metrics and not since else None)
            runs = run_list.read(connected, name, created, most)
            records = runs.records if metrics else runs.listed
    if as_json:
        output.print_json([run_list.row(record) for record in records] if metrics else records)
    elif not records:
        output.note(f"no runs{f' of {name}' if name else ''} in {target_label(target)}")
    elif metrics:
        output.table(*tables.metric_table(records))
    else:
        print_records(records)


def print_dropped(pipeline: str | None, limit: int, target: str, as_json: bool) -> None:
    from stagewright.runs.history import run_history

    dropped = []
    if not is_empty(target):
        with session(target) as connected:
            dropped = run_history.list_skipped_events(connected.gateway, pipeline, limit)
    if as_json:
        output.print_json([{"pipeline": name, **output.plain(event)} for name, event in dropped])
    elif dropped:
        rows = [
            (formatting.local_time(event.time), name, event.type, event.reason, event.key)
            for name, event in dropped
        ]
        output.table(("time", "pipeline", "trigger", "why", "key"), rows)
    else:
        output.note(f"no dropped events{f' of {pipeline}' if pipeline else ''} in {target_label(target)}")


def print_records(records: Sequence[RunRecord]) -> None:
    """Print a table. On a narrow terminal, each run takes three lines: id, details, reason."""
    header, rows = tables.run_table(records)
    width = shutil.get_terminal_size().columns
    if not sys.stdout.isatty() or max(map(len, output.columns([header, *rows]))) <= width:
        output.table(header, rows)
        return
    for cells, line in zip(rows, output.columns([cells[1:-1] for cells in rows]), strict=True):
        output.print_line(f"{cells[0]}\n  {line}")
        if cells[-1]:
            output.print_line(
                textwrap.indent(textwrap.fill(cells[-1], width - 2, break_on_hyphens=False), "  ")
            )
