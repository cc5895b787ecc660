"""To compare documents, A and B are revision numbers or layers: `base` (the repository's document),
`environment` (base with the overlay of the target's environment) and `now` (with the overrides, as the next
run has it). The defaults are the revision of the newest run for A and `now` for B.

To compare runs, A and B are run ids. The pipeline's name selects its newest run. A single run is compared
with the newest successful run before it in its partition. The command shows the differences in settings,
parameters, code files and inputs, and both values of metrics, states and durations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stagewright.api import documents
from stagewright.api.target import LOCAL, existing_session
from stagewright.cli.common import changes, output
from stagewright.cli.common.command_hints import program
from stagewright.cli.common.options import Json, PipelineName, TargetName
from stagewright.errors import DocumentError, NotFoundError, Problem
from stagewright.naming import pipeline_of

if TYPE_CHECKING:
    from stagewright.document.layers import Layer
    from stagewright.operator_gateway import OperatorGateway
    from stagewright.runs.history.comparison import Comparison

LAYERS: Mapping[str, Layer] = {"base": "base", "environment": "environment", "now": "overrides"}
RUNS = 50
"""Number of newest runs in which the command looks for one with a revision."""
SIDE = "A revision number, base, environment or now; or a run."
Before = Annotated[str | None, typer.Argument(metavar="A", help=SIDE)]
After = Annotated[str | None, typer.Argument(metavar="B", help=SIDE)]


def command(
    pipeline: PipelineName,
    a: Before = None,
    b: After = None,
    target: TargetName = LOCAL,
    as_json: Json = False,
) -> None:
    from stagewright.cli.common.comparison import print_comparison

    if documents.RUN_ID.fullmatch(pipeline):
        remedy = f"{program()} diff {pipeline_of(pipeline)} {pipeline}"
        raise DocumentError((Problem(pipeline, "is a run, but the first argument is a pipeline", remedy),))
    with existing_session(target) as connected:
        name = documents.name_of(pipeline)
        sides = [side for side in (a, b) if side]
        if any(is_run(side, pipeline, name) for side in sides):
            check_runs(sides, pipeline, name)
            runs = [documents.run_of(connected, side) for side in sides]
            print_comparison(compare_runs(connected.gateway, name, runs), as_json)
        else:
            print_changes(
                connected.gateway, name, a or newest_revision(connected.gateway, name), b or "now", as_json
            )


def is_run(side: str, argument: str, name: str) -> bool:
    """Whether `side` is the id of a run or names the pipeline, which selects its newest run."""
    return bool(documents.RUN_ID.fullmatch(side)) or (side in (argument, name) and side not in LAYERS)


def check_runs(sides: Sequence[str], argument: str, name: str) -> None:
    """DocumentError: one side is a run and the other is not."""
    for side in sides:
        if not is_run(side, argument, name):
            remedy = "compare a run with a run, and a revision or layer with a revision or layer"
            raise DocumentError((Problem(side, "is not a run", remedy),))


def compare_runs(gateway: OperatorGateway, name: str, runs: Sequence[str]) -> Comparison:
    """Compare two runs, or one run with the newest successful run before it."""
    from stagewright.runs.history import comparison

    before = runs[0] if len(runs) > 1 else comparison.good_before(gateway, name, runs[0])
    return comparison.compare(gateway, name, before, runs[-1])


def print_changes(gateway: OperatorGateway, name: str, a: str, b: str, as_json: bool) -> None:
    from stagewright.document.effective_diff import differences

    differing = list(differences(document_of(gateway, name, a), document_of(gateway, name, b)))
    if as_json:
        output.print_json({"pipeline": name, "a": a, "b": b, "changes": changes.plain(differing)})
    else:
        changes.print_changes(differing, f"{name}: no difference between {a} and {b}")


def newest_revision(gateway: OperatorGateway, pipeline: str) -> str:
    """Revision of the newest run that has one, else `base`."""
    from stagewright.runs.history.run_history import list_runs

    numbers = (record.revision for record in list_runs(gateway, pipeline, RUNS))
    return next((str(number) for number in numbers if number), "base")


def document_of(gateway: OperatorGateway, pipeline: str, side: str) -> Mapping[str, Any]:
    from stagewright.document.overrides import readable
    from stagewright.runs.documents import layers, revisions
    from stagewright.syntax.findings import nearest

    if side in LAYERS:
        document: Mapping[str, Any] = readable(layers.read(gateway, pipeline).document(LAYERS[side]))
        return document
    if side.isascii() and side.isdigit():
        return revisions.document(gateway, pipeline, int(side))
    remedy = f"{nearest(side, LAYERS, 'layers')}; list the numbers: {program()} history {pipeline}"
    raise NotFoundError(f"{side} is neither a revision number nor a layer", remedy)
