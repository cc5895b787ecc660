"""Printing: data on standard output, notes and errors on standard error."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from typing import TYPE_CHECKING, Any

from stagewright.api.printable import one_line_printable, printable, printable_json
from stagewright.cli.common.command_hints import on_target
from stagewright.errors import DocumentError, StagewrightError

if TYPE_CHECKING:
    from rich.table import Table

COLORS = {
    "SUCCEEDED": "green", "FAILED": "red", "REJECTED": "red", "STOPPED": "yellow", "RUNNING": "cyan",
    "CLOSED": "yellow", "REUSED": "blue", "SKIPPED": "dim", "run": "green", "reuse": "blue", "skip": "dim",
}  # fmt: skip
COLORED_COLUMNS = ("state", "action")
UNFOLDED = 1000
"""Width of a colored table that does not go to a terminal."""


UNWRAPPED_COLUMNS = ("run", "stage", "state", "took")
"""Columns whose cells are never folded."""


NEXT = "next: "
"""Start of a line that names the next command."""
QUOTED = "  | "
"""Start of a line of a job's log, which is printed unchanged."""


def print_line(text: str = "") -> None:
    """Print a line on standard output. Characters that a terminal acts on are printed as escapes."""
    print(printable(on_target(text) if text.startswith(NEXT) else text))  # noqa: T201 -- the only function that prints to standard output


def note(text: str) -> None:
    """`print_line` on standard error, so that piped output contains only data."""
    print(printable(text if text.startswith(QUOTED) else on_target(text)), file=sys.stderr, flush=True)  # noqa: T201


def print_json(value: Any) -> None:
    print_line(printable_json(json.dumps(plain(value), indent=2, ensure_ascii=False)))


def plain(value: Any) -> Any:
    """Convert a value to JSON types: dataclasses and mappings to objects, sequences to arrays."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    return value if isinstance(value, bool | int | float | str | None) else str(value)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table: colored and folded to the width of a terminal, else plain lines.

    With FORCE_COLOR (force-color.org), colored everywhere. With NO_COLOR (no-color.org), nowhere.
    """
    is_terminal = sys.stdout.isatty()
    if not (is_terminal or os.environ.get("FORCE_COLOR")):
        for line in columns([header, *rows]):
            print_line(line)
        return
    from rich.console import Console

    Console(highlight=False, width=None if is_terminal else UNFOLDED).print(grid(header, rows))


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of aligned cells, without trailing blanks."""
    cells = [[one_line_printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]


def counted(number: int, noun: str) -> str:
    """`1 file`, `2 files`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def grid(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    from rich.table import Table
    from rich.text import Text

    grid_table = Table(box=None, pad_edge=False, header_style="bold")
    for name in header:
        grid_table.add_column(name, overflow="fold", no_wrap=name in UNWRAPPED_COLUMNS)
    for row in rows:
        cells = zip(header, map(one_line_printable, row), strict=True)
        grid_table.add_row(*(Text(cell, style=_color(name, cell)) for name, cell in cells))
    return grid_table


def _color(column: str, cell: str) -> str:
    return COLORS.get(cell.split(" ")[0], "") if column in COLORED_COLUMNS else ""


def fail(error: Exception, as_json: bool, debug: bool) -> None:
    """Print an error and its remedy. With `as_json`, also print it as JSON on standard output."""
    if as_json:
        print_json({"error": error_json(error)})
    if isinstance(error, StagewrightError):
        note(f"error: {error.message}" + (f"\n  try: {error.remedy}" if error.remedy else ""))
        return
    note(f"unexpected {type(error).__name__}: {error}")
    if not debug:
        note("  try: run the same command with --debug to see the traceback")


def error_json(error: Exception) -> dict[str, Any]:
    """`code` is the exit code. `problems` lists the problems of a document with their paths."""
    known = error if isinstance(error, StagewrightError) else None
    return {
        "type": type(error).__name__,
        "code": known.exit_code if known else 1,
        "message": known.message if known else str(error),
        "remedy": on_target(known.remedy) if known else "",
        "problems": [asdict(problem) for problem in error.problems]
        if isinstance(error, DocumentError)
        else [],
    }
