"""Writes the overrides that restore the document of that revision. `stagewright history` lists the numbers.
If overrides may not change a setting that differs, the command lists it and writes nothing. Revert the commit
that changed it.
"""

from __future__ import annotations

from typing import Annotated

import typer

from stagewright.api import documents, unpushed
from stagewright.api.target import LOCAL, existing_session
from stagewright.cli.common.options import Json, PipelineName, TargetName

Number = Annotated[int, typer.Argument(metavar="REVISION", min=1, help="The number of a revision.")]


def command(
    pipeline: PipelineName, revision: Number, target: TargetName = LOCAL, as_json: Json = False
) -> None:
    from stagewright.api import launch
    from stagewright.cli.common import changes
    from stagewright.runs.documents import overrides

    with existing_session(target) as connected:
        name = documents.name_of(pipeline)
        unpushed.warn(connected, name, pipeline)
        changed = overrides.roll_back(connected.gateway, name, revision, launch.caller(connected))
    changes.print_report(changed, as_json)
