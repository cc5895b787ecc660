"""Of one pipeline or of all. --dropped lists events that matched a trigger but started no run, and why. Such
events are kept for 30 days.
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

PipelineFilter = Annotated[
    str | None, typer.Argument(metavar="PIPELINE", help="Only the runs of this pipeline.")
]
Dropped = Annotated[bool, typer.Option("--dropped", help="List events that started no run, and why.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=1000, help="Maximum number of rows.")]


def command(
    pipeline: PipelineFilter = None,
    dropped: Dropped = False,
    limit: Limit = 20,
    target: TargetName = LOCAL,
    as_json: Json = False,
) -> None:
    name = documents.name_of(pipeline) if pipeline else None
    if dropped:
        print_dropped(name, limit, target, as_json)
        return
    records = []
    if not is_empty(target):
        with session(target) as connected:
            from stagewright.runs.history import run_history

            records = run_history.list_runs(connected.gateway, name, limit)
    if as_json:
        output.print_json(records)
    elif records:
        print_records(records)
    else:
        output.note(f"no runs{f' of {name}' if name else ''} in {target_label(target)}")


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
