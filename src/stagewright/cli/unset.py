"""What the repository says holds again, from the next run on."""

from __future__ import annotations

from typing import Annotated

import typer

from stagewright.cli import documents
from stagewright.cli.options import Json, PipelineName, TargetName
from stagewright.cli.target import LOCAL, kept
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
    from stagewright.cli import changes, launch
    from stagewright.run import overriding
    from stagewright.spec.setting import path_of

    if bool(paths) == everything:
        raise DocumentError((Problem("PATH", "name overrides, or give --all; not both"),))
    with kept(target) as connected:
        name = documents.name_of(place)
        given = [path_of(path) for path in paths or ()]
        changed = overriding.remove(connected.gateway, name, given, launch.caller(connected))
    changes.report(changed, as_json)
