"""Writes the overrides that restore the document of that revision. `stagewright history` lists the numbers.
If overrides may not change a setting that differs, the command lists it and writes nothing. Revert the commit
that changed it.
"""

from __future__ import annotations

from typing import Annotated

import typer

from stagewright.cli.common import documents
from stagewright.cli.common.options import Json, PipelineName, TargetName
from stagewright.cli.common.target import LOCAL, existing_session

Number = Annotated[int, typer.Argument(metavar="REVISION", min=1, help="The number of a revision.")]


def command(
    pipeline: PipelineName, revision: Number, target: TargetName = LOCAL, as_json: Json = False
) -> None:
    from stagewright.cli.common import changes, launch
    from stagewright.runs.documents import overrides

    with existing_session(target) as connected:
        name = documents.name_of(pipeline)
        changed = overrides.roll_back(connected.gateway, name, revision, launch.caller(connected))
    changes.print_report(changed, as_json)
