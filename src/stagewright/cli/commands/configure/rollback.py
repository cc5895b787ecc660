"""Overrides are written that make the document what that revision was; `stagewright history` has the numbers.
What overrides may not change is listed, and nothing is written: revert that commit.
"""

from __future__ import annotations

from typing import Annotated

import typer

from stagewright.cli.common import documents
from stagewright.cli.common.options import Json, PipelineName, TargetName
from stagewright.cli.common.target import LOCAL, existing_session

Number = Annotated[int, typer.Argument(metavar="REVISION", min=1, help="The number of a revision.")]


def command(place: PipelineName, number: Number, target: TargetName = LOCAL, as_json: Json = False) -> None:
    from stagewright.cli.common import changes, launch
    from stagewright.runs.documents import overrides

    with existing_session(target) as connected:
        name = documents.name_of(place)
        changed = overrides.roll_back(connected.gateway, name, number, launch.caller(connected))
    changes.print_report(changed, as_json)
