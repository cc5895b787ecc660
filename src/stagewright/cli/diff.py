"""Of a document, A and B are numbers of revisions, or layers: `base` (the repository's document),
`environment` (with the overlay of the target's environment) and `now` (with the overrides: what the next run
has). When left out, A is the revision of the newest run, and B is `now`.

Of runs, A and B are their ids; the pipeline's name stands for its newest. With one run alone, the other is
the newest good one before it in its partition. It shows what differs of settings and parameters, of code
files and inputs, and, side by side, metrics, states and times.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stagewright.cli import documents, output
from stagewright.cli.options import Json, PipelineName, TargetName
from stagewright.cli.target import LOCAL, kept
from stagewright.cli.typeable import program
from stagewright.errors import DocumentError, NotFoundError, Problem
from stagewright.naming import pipeline_of

if TYPE_CHECKING:
    from stagewright.run.comparison import Comparison
    from stagewright.run.gateway import Gateway
    from stagewright.run.layers import Layer

TOPS: Mapping[str, Layer] = {"base": "base", "environment": "environment", "now": "overrides"}
RUNS = 50
"""The newest runs, among which one is looked for that was not refused."""
SIDE = "A revision's number, base, environment or now; or a run."
Before = Annotated[str | None, typer.Argument(metavar="A", help=SIDE)]
After = Annotated[str | None, typer.Argument(metavar="B", help=SIDE)]


def command(
    place: PipelineName,
    a: Before = None,
    b: After = None,
    target: TargetName = LOCAL,
    as_json: Json = False,
) -> None:
    from stagewright.cli import comparison

    if documents.RUN_ID.fullmatch(place):
        remedy = f"{program()} diff {pipeline_of(place)} {place}"
        raise DocumentError((Problem(place, "is a run, and first comes its pipeline", remedy),))
    with kept(target) as connected:
        name = documents.name_of(place)
        given = [side for side in (a, b) if side]
        if any(is_run(side, place, name) for side in given):
            check_runs(given, place, name)
            runs = [documents.run_of(connected, side) for side in given]
            comparison.report(compared(connected.gateway, name, runs), as_json)
        else:
            of_document(connected.gateway, name, a or newest(connected.gateway, name), b or "now", as_json)


def is_run(side: str, place: str, name: str) -> bool:
    """A run's id, or the pipeline, however it was called: that is its newest run."""
    return bool(documents.RUN_ID.fullmatch(side)) or (side in (place, name) and side not in TOPS)


def check_runs(sides: Sequence[str], place: str, name: str) -> None:
    for side in sides:
        if not is_run(side, place, name):
            remedy = "a run is compared with a run, a revision or a layer with one of these"
            raise DocumentError((Problem(side, "is no run", remedy),))


def compared(gateway: Gateway, name: str, runs: Sequence[str]) -> Comparison:
    """A run alone is compared with the newest good one before it."""
    from stagewright.run import comparison

    before = runs[0] if len(runs) > 1 else comparison.good_before(gateway, name, runs[0])
    return comparison.compare(gateway, name, before, runs[-1])


def of_document(gateway: Gateway, name: str, a: str, b: str, as_json: bool) -> None:
    from stagewright.cli import changes
    from stagewright.spec.unsaid import differences

    found = list(differences(document(gateway, name, a), document(gateway, name, b)))
    if as_json:
        output.print_json({"pipeline": name, "a": a, "b": b, "changes": changes.plain(found)})
    else:
        changes.say(found, f"{name}: no difference between {a} and {b}")


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
