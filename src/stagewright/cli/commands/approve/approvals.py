"""Of one pipeline or of all: approval stages, and model versions that are not approved yet, with the metrics,
the gates and the differences from what serves now. Decide with `stagewright approve` or `stagewright reject`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from stagewright.api import documents, formatting
from stagewright.api.target import LOCAL, is_empty, session, target_label
from stagewright.cli.common import output
from stagewright.cli.common.command_hints import program
from stagewright.cli.common.options import Json, TargetName

if TYPE_CHECKING:
    from stagewright.runs.pending import Pending

HEADER = ("run", "stage", "message", "since", "until")
FIELDS = ("run", "stage", "message", "package", "version", "waiting", "since", "until")
PipelineFilter = Annotated[str | None, typer.Argument(metavar="PIPELINE", help="Only this pipeline.")]


def command(pipeline: PipelineFilter = None, target: TargetName = LOCAL, as_json: Json = False) -> None:
    from stagewright.runs import pending

    name = documents.name_of(pipeline) if pipeline else None
    evidence: Mapping[Pending, tuple[str, ...]] = {}
    if not is_empty(target):
        with session(target) as connected:
            items = pending.listed(connected.gateway, name)
            evidence = {item: pending.evidence(connected.gateway, item) for item in items}
    if as_json:
        # Without the task token, which anyone could decide with.
        output.print_json([
            {field: getattr(item, field) for field in FIELDS} | {"evidence": lines}
            for item, lines in evidence.items()
        ])  # fmt: skip
    elif evidence:
        print_pending(evidence)
    else:
        output.note(f"nothing{f' of {name}' if name else ''} waits for approval in {target_label(target)}")


def print_pending(evidence: Mapping[Pending, tuple[str, ...]]) -> None:
    rows = [
        (item.run, item.stage, item.message, *map(formatting.local_time, (item.since, item.until)))
        for item in evidence
    ]
    output.table(HEADER, rows)
    for item, lines in evidence.items():
        output.print_line("\n  ".join([f"{item.run} {item.stage}", *lines]))
        output.print_line(f"next: {program()} approve {item.names} --why TEXT (or reject)")
