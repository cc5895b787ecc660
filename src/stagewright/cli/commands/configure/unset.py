"""What the repository says holds again, from the next run on."""

from __future__ import annotations

from typing import Annotated

import typer

from stagewright.cli.common import documents
from stagewright.cli.common.options import Json, PipelineName, TargetName
from stagewright.cli.common.target import LOCAL, existing_session
from stagewright.errors import DocumentError, Problem

Paths = Annotated[
    list[str] | None,
    typer.Argument(metavar="PATH", help="Overrides, or groups of them such as stages.train."),
]
All = Annotated[bool, typer.Option("--all", help="Take back every override.")]


def command(
    place: PipelineName,
    paths: Paths = None,
    everything: All = False,
    target: TargetName = LOCAL,
    as_json: Json = False,
) -> None:
    from stagewright.cli.common import changes, launch
    from stagewright.document.assignments import parse_path
    from stagewright.runs.documents import overrides

    if bool(paths) == everything:
        raise DocumentError((Problem("PATH", "name overrides, or give --all; not both"),))
    with existing_session(target) as connected:
        name = documents.name_of(place)
        given = [parse_path(path) for path in paths or ()]
        changed = overrides.remove(connected.gateway, name, given, launch.caller(connected))
    changes.print_report(changed, as_json)
