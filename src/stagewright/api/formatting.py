"""Times, amounts, metrics and reasons as people read them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stagewright.runs.history.records import RunRecord
    from stagewright.runs.usage import RunCost

SCRIPT_FAILED = re.compile(
    r'AlgorithmError: ExecuteUserScriptError: ExitCode (\d+) ErrorMessage "(.+?)"'
    r' Command ".*?(?:", exit code: \d+|$)'
)
"""FailureReason of a script that failed in script mode, with single blanks."""


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


def headline(record: RunRecord) -> str:
    """Id, status and reason of a run."""
    reason = f": {one_line(record.reason)}" if record.reason else ""
    return f"{record.run}: {record.status}{reason}"


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
