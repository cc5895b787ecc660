"""Each item that an earlier version stored is replaced by its present form, unless it changes meanwhile. Runs
may be active. The command can be interrupted and repeated: it continues, and changes nothing twice. Items of
a later version stay as they are; exit code 4 if there are any.
"""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any

import typer

from stagewright.api.target import LOCAL, is_empty, session, target_label
from stagewright.cli.common import output
from stagewright.cli.common.options import Json, TargetName
from stagewright.formats import ITEMS, REMEDY, FormatError
from stagewright.operator_gateway import OperatorGateway
from stagewright.store.upgrade import UpgradedItem, upgrade

HEADER = ("table", "kind", "format", "items", "earlier", "later")
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only count the items; write nothing.")]


def command(dry_run: DryRun = False, target: TargetName = LOCAL, as_json: Json = False) -> None:
    rows: list[dict[str, Any]] = []
    errors: list[str] = []
    if not is_empty(target):
        with session(target) as connected:
            for table in ("documents", "runs"):
                items = _upgraded(connected.gateway, table, dry_run)
                rows += _rows(table, items)
                errors += [item.error for item in items if item.error]
    if as_json:
        output.print_json({"dry_run": dry_run, "kinds": rows})
    else:
        _print(rows, dry_run, target_label(target))
    if errors:
        more = f" (and {len(errors) - 1} more items)" if len(errors) > 1 else ""
        raise FormatError(f"{errors[0]}{more}", REMEDY)


def _upgraded(gateway: OperatorGateway, table: str, dry_run: bool) -> list[UpgradedItem]:
    return list(upgrade(gateway.runs.client, gateway.installation.name(table), write=not dry_run))


def _rows(table: str, items: list[UpgradedItem]) -> list[dict[str, Any]]:
    """One row for each kind. `busy` items changed meanwhile: they keep their format until the next time."""
    counts = Counter(item.kind for item in items)
    return [
        {
            "table": table,
            "kind": kind,
            "format": ITEMS[kind],
            "items": count,
            "earlier": sum(item.earlier for item in items if item.kind == kind),
            "busy": sum(item.busy for item in items if item.kind == kind),
            "later": sum(bool(item.error) for item in items if item.kind == kind),
        }
        for kind, count in sorted(counts.items())
    ]


def _print(rows: list[dict[str, Any]], dry_run: bool, label: str) -> None:
    earlier, busy = (sum(row[name] for row in rows) for name in ("earlier", "busy"))
    if rows:
        output.table(HEADER, [tuple(str(row[name]) for name in HEADER) for row in rows])
    if dry_run:
        output.print_line(f"{output.counted(earlier, 'item')} to migrate in {label}; nothing was written")
        return
    output.print_line(f"{output.counted(earlier - busy, 'item')} migrated in {label}")
    if busy:
        again = f"{output.counted(busy, 'item')} changed meanwhile and kept the earlier format"
        output.note(f"{again}: stagewright migrate")
