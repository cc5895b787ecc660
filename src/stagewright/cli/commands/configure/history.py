"""Newest first. A revision is an effective document without the parameters that a trigger set for one run."""

from __future__ import annotations

from typing import Annotated

import typer

from stagewright.api import documents, formatting
from stagewright.api.target import LOCAL, existing_session
from stagewright.cli.common import output
from stagewright.cli.common.options import Json, PipelineName, TargetName

Limit = Annotated[int, typer.Option("--limit", min=1, max=1000, help="Maximum number of revisions.")]
HEADER = ("revision", "written", "author", "changes")


def command(
    pipeline: PipelineName, limit: Limit = 20, target: TargetName = LOCAL, as_json: Json = False
) -> None:
    from stagewright.cli.common import changes
    from stagewright.runs.documents import revisions

    with existing_session(target) as connected:
        name = documents.name_of(pipeline)
        entries = revisions.history(connected.gateway, name, limit)
    if as_json:
        output.print_json([vars(entry) | {"changes": changes.plain(entry.changes)} for entry in entries])
    elif not entries:
        output.note(f"{name} has no revisions yet; its first run creates one")
    else:
        rows = [
            (str(entry.number), formatting.local_time(entry.written), entry.author, line)
            if first
            else ("", "", "", line)
            for entry in entries
            for first, line in _lines(changes.lines(entry.changes))
        ]
        output.table(HEADER, rows)


def _lines(lines: list[str]) -> list[tuple[bool, str]]:
    """The lines of one revision. The first is marked with True."""
    return [(number == 0, line) for number, line in enumerate(lines or ["first revision"])]
