"""Of one pipeline, or of all."""

from __future__ import annotations

from typing import Annotated

import typer

from stagewright.cli import documents, output
from stagewright.cli.options import Json, TargetName
from stagewright.cli.target import LOCAL, session

Place = Annotated[str | None, typer.Argument(metavar="[PIPELINE]", help="Only the runs of this pipeline.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=1000, help="At most this many.")]


def command(
    place: Place = None, limit: Limit = 20, target: TargetName = LOCAL, as_json: Json = False
) -> None:
    from stagewright.run import history

    pipeline = documents.name_of(place) if place else None
    with session(target) as connected:
        records = history.list_runs(connected.gateway, pipeline, limit)
    if as_json:
        output.print_json(records)
        return
    rows = [
        (record.run, record.status, record.trigger.type, output.local_time(record.created),
         output.took(record.started, record.ended), record.reason)
        for record in records
    ]  # fmt: skip
    output.table(("run", "state", "trigger", "created", "took", "why"), rows)
