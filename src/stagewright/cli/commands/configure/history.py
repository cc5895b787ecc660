"""Newest first. A revision is a document as a run had it or will have it, without the parameters that a
trigger gave to one run.
"""

from __future__ import annotations

from typing import Annotated

import typer

from stagewright.cli.common import documents, output
from stagewright.cli.common.options import Json, PipelineName, TargetName
from stagewright.cli.common.target import LOCAL, existing_session

Limit = Annotated[int, typer.Option("--limit", min=1, max=1000, help="At most this many.")]
HEADER = ("revision", "written", "author", "changes")


def command(
    place: PipelineName, limit: Limit = 20, target: TargetName = LOCAL, as_json: Json = False
) -> None:
    from stagewright.cli.common import changes
    from stagewright.runs.documents import revisions

    with existing_session(target) as connected:
        name = documents.name_of(place)
        entries = revisions.history(connected.gateway, name, limit)
    if as_json:
        output.print_json([vars(entry) | {"changes": changes.plain(entry.changes)} for entry in entries])
    elif not entries:
        output.note(f"{name} has no revisions yet: its first run makes one")
    else:
        rows = [
            (str(entry.number), output.local_time(entry.written), entry.author, line)
            if first
            else ("", "", "", line)
            for entry in entries
            for first, line in _lines(changes.lines(entry.changes))
        ]
        output.table(HEADER, rows)


def _lines(told: list[str]) -> list[tuple[bool, str]]:
    """Of one revision, with a mark at the first."""
    return [(number == 0, line) for number, line in enumerate(told or [""])]
