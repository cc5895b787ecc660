"""A and B are numbers of revisions, or layers: `base` (the repository's document), `environment` (with the
overlay of the target's environment) and `now` (with the overrides: what the next run has). When left out,
A is the revision of the newest run, and B is `now`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stagewright.cli import documents, output
from stagewright.cli.options import Json, PipelineName, TargetName
from stagewright.cli.target import LOCAL, kept
from stagewright.cli.typeable import program
from stagewright.errors import NotFoundError

if TYPE_CHECKING:
    from stagewright.run.gateway import Gateway
    from stagewright.run.layers import Layer

TOPS: Mapping[str, Layer] = {"base": "base", "environment": "environment", "now": "overrides"}
RUNS = 50
"""The newest runs, among which one is looked for that was not refused."""
Side = Annotated[str | None, typer.Argument(help="A revision's number, base, environment or now.")]


def command(
    place: PipelineName,
    a: Side = None,
    b: Side = None,
    target: TargetName = LOCAL,
    as_json: Json = False,
) -> None:
    from stagewright.cli import changes
    from stagewright.spec.unsaid import differences

    with kept(target) as connected:
        name = documents.name_of(place)
        sides = (a or newest(connected.gateway, name), b or "now")
        before, after = (document(connected.gateway, name, side) for side in sides)
    found = list(differences(before, after))
    if as_json:
        output.print_json({"pipeline": name, "a": sides[0], "b": sides[1], "changes": changes.plain(found)})
    else:
        changes.say(found, f"{name}: no difference between {sides[0]} and {sides[1]}")


def newest(gateway: Gateway, pipeline: str) -> str:
    """The revision of the newest run, `base` before there is one."""
    from stagewright.run.history import list_runs

    numbers = (record.revision for record in list_runs(gateway, pipeline, RUNS))
    return next((str(number) for number in numbers if number), "base")


def document(gateway: Gateway, pipeline: str, side: str) -> Mapping[str, Any]:
    from stagewright.run import layers, revisions
    from stagewright.spec.findings import nearest
    from stagewright.spec.overrides import readable

    if side in TOPS:
        made: Mapping[str, Any] = readable(layers.read(gateway, pipeline).document(TOPS[side]))
        return made
    if side.isascii() and side.isdigit():
        return revisions.document(gateway, pipeline, int(side))
    remedy = f"{nearest(side, TOPS, 'layers')}; numbers: {program()} history {pipeline}"
    raise NotFoundError(f"{side} is no revision's number and no layer", remedy)
