"""From the next run on, the settings have the values of the repository again."""

from __future__ import annotations

from typing import Annotated

import typer

from stagewright.api import documents, unpushed
from stagewright.api.target import LOCAL, existing_session
from stagewright.cli.common.options import Json, PipelineName, TargetName
from stagewright.errors import DocumentError, Problem

Paths = Annotated[
    list[str] | None,
    typer.Argument(metavar="PATH", help="An override, or a group of overrides such as stages.train."),
]
All = Annotated[bool, typer.Option("--all", help="Remove every override.")]


def command(
    pipeline: PipelineName,
    paths: Paths = None,
    everything: All = False,
    target: TargetName = LOCAL,
    as_json: Json = False,
) -> None:
    from stagewright.api import launch
    from stagewright.cli.common import changes
    from stagewright.document.assignments import parse_path
    from stagewright.runs.documents import overrides

    if bool(paths) == everything:
        raise DocumentError((Problem("PATH", "name the overrides to remove, or give --all, but not both"),))
    with existing_session(target) as connected:
        name = documents.name_of(pipeline)
        unpushed.warn(connected, name, pipeline)
        settings = [parse_path(path) for path in paths or ()]
        changed = overrides.remove(connected.gateway, name, settings, launch.caller(connected))
    changes.print_report(changed, as_json)
