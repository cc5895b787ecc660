"""Printing: data on standard output, notes and errors on standard error."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from stagewright.cli.common.printable import one_line_printable, printable, printable_json
from stagewright.errors import DocumentError, StagewrightError

if TYPE_CHECKING:
    from rich.table import Table

    from stagewright.runs.usage import RunCost

COLORS = {
    "SUCCEEDED": "green", "FAILED": "red", "REJECTED": "red", "STOPPED": "yellow", "RUNNING": "cyan",
    "CLOSED": "yellow", "REUSED": "blue", "SKIPPED": "dim",
}  # fmt: skip


UNWRAPPED_COLUMNS = ("run", "stage", "state", "took")
"""Columns whose cells are never folded."""
SCRIPT_FAILED = re.compile(
    r'AlgorithmError: ExecuteUserScriptError: ExitCode (\d+) ErrorMessage "(.+?)"'
    r' Command ".*?(?:", exit code: \d+|$)'
)
"""FailureReason of a script that failed in script mode, with single blanks."""


def print_line(text: str = "") -> None:
    """Print a line on standard output. Characters that a terminal acts on are printed as escapes."""
    print(printable(text))  # noqa: T201 -- the only function that prints to standard output


def note(text: str) -> None:
    """`print_line` on standard error, so that piped output contains only data."""
    print(printable(text), file=sys.stderr, flush=True)  # noqa: T201


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
    """Print a table: colored and folded to the width of a terminal, else plain lines."""
    if not sys.stdout.isatty():
        for line in columns([header, *rows]):
            print_line(line)
        return
    from rich.console import Console

    Console(highlight=False).print(grid(header, rows))


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
        cells = map(one_line_printable, row)
        grid_table.add_row(*(Text(cell, style=COLORS.get(cell.split(" ")[0], "")) for cell in cells))
    return grid_table


def local_time(time: str) -> str:
    """An ISO 8601 time as local time with seconds."""
    return f"{_parsed(time).astimezone():%Y-%m-%d %H:%M:%S}" if time else ""


def seconds(started: str, ended: str = "") -> float | None:
    """Seconds from `started` to `ended`, or until now. None if it has not started."""
    if not started:
        return None
    return max(0.0, ((_parsed(ended) if ended else datetime.now(UTC)) - _parsed(started)).total_seconds())


def duration(started: str, ended: str = "") -> str:
    length = seconds(started, ended)
    return "" if length is None else format_seconds(length)


def format_seconds(length: float) -> str:
    """`4.2 s`, `3 min 05 s`, `2 h 07 min`."""
    if length < 60:
        return f"{length:.1f} s"
    minutes, rest = divmod(round(length), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def one_line(reason: str) -> str:
    """A reason on one line. Shortens the FailureReason of a script to its last line and exit code."""
    return SCRIPT_FAILED.sub(r"\2 (exit code \1)", " ".join(reason.split()))


def format_money(amount: Decimal, currency: str) -> str:
    """`1,204.50 USD`; below one, with four digits: `0.0115 USD`."""
    return f"{amount:,.{2 if amount >= 1 or not amount else 4}f} {currency}"


def format_run_cost(cost: RunCost | None) -> str:
    """What a run cost. Empty: it is not counted yet, or there were no prices."""
    if cost is None or not cost.currency:
        return ""
    missing = f" without {', '.join(cost.unpriced)}" if cost.unpriced else ""
    return f"{format_money(Decimal(cost.amount), cost.currency)}{missing}{'' if cost.final else ' so far'}"


def format_metrics(metrics: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {format_number(value)}" for name, value in metrics.items())


def format_number(value: float) -> str:
    return f"{value:g}" if abs(value) < 1e6 else f"{value:.0f}"


def tuned_hyperparameters(result: Mapping[str, Any]) -> str:
    """The tuned hyperparameters in the result of a tuning stage."""
    return ", ".join(
        f"{name}={value}"
        for name, value in result.get("hyperparameters", {}).items()
        if name in result.get("tuned", ())
    )


def _parsed(time: str) -> datetime:
    return datetime.fromisoformat(time)


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
        "remedy": known.remedy if known else "",
        "problems": [asdict(problem) for problem in error.problems]
        if isinstance(error, DocumentError)
        else [],
    }
