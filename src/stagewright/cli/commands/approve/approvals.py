"""Of one pipeline, or of all: `approve` and `reject` decide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from stagewright.cli.common import documents, output
from stagewright.cli.common.options import Json, TargetName
from stagewright.cli.common.target import LOCAL, is_empty, session, target_label

if TYPE_CHECKING:
    from stagewright.store.approvals import Approval

HEADER = ("run", "stage", "message", "since", "until")
SHOWN = ("run", "stage", "message", "package", "since", "until")
Place = Annotated[str | None, typer.Argument(metavar="PIPELINE", help="Only of this pipeline.")]


def command(place: Place = None, target: TargetName = LOCAL, as_json: Json = False) -> None:
    from stagewright.runs import approvals

    pipeline = documents.name_of(place) if place else None
    found: list[Approval] = []
    if not is_empty(target):
        with session(target) as connected:
            found = approvals.waiting(connected.gateway, pipeline)
    if as_json:
        # The token is what a decision is made with: it belongs into no log.
        output.print_json([{name: getattr(each, name) for name in SHOWN} for each in found])
    elif found:
        print_waiting(found)
    else:
        output.note(
            f"nothing{f' of {pipeline}' if pipeline else ''} waits for approval in {target_label(target)}"
        )


def print_waiting(found: Sequence[Approval]) -> None:
    rows = [
        (each.run, each.stage, each.message, output.local_time(each.since), output.local_time(each.until))
        for each in found
    ]
    output.table(HEADER, rows)
