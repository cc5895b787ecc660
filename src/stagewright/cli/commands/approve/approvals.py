"""Of one pipeline or of all. Decide with `stagewright approve` and `stagewright reject`."""

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
FIELDS = ("run", "stage", "message", "package", "since", "until")
PipelineFilter = Annotated[str | None, typer.Argument(metavar="PIPELINE", help="Only this pipeline.")]


def command(pipeline: PipelineFilter = None, target: TargetName = LOCAL, as_json: Json = False) -> None:
    from stagewright.runs import approvals

    name = documents.name_of(pipeline) if pipeline else None
    pending: list[Approval] = []
    if not is_empty(target):
        with session(target) as connected:
            pending = approvals.waiting(connected.gateway, name)
    if as_json:
        # Without the task token, which anyone could decide with.
        output.print_json([{field: getattr(approval, field) for field in FIELDS} for approval in pending])
    elif pending:
        print_pending(pending)
    else:
        output.note(f"no stage{f' of {name}' if name else ''} waits for approval in {target_label(target)}")


def print_pending(approvals: Sequence[Approval]) -> None:
    rows = [
        (approval.run, approval.stage, approval.message,
         output.local_time(approval.since), output.local_time(approval.until))
        for approval in approvals
    ]  # fmt: skip
    output.table(HEADER, rows)
