"""A task's result: JSON's types only, and not too large."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from stagewright.local.engine import TaskError

LIMIT = 262_144
"""Bytes of a task's result (Step Functions quotas: 256 KiB, UTF-8)."""
TOO_LARGE = "States.DataLimitExceeded"


def excess(result: dict[str, Any]) -> str:
    """The cause with which Step Functions refuses the result; empty where it takes it."""
    size = len(json.dumps(result, ensure_ascii=False).encode())
    limit = "maximum number of bytes service limit"
    return f"The task returned {size} bytes, exceeding the {limit}" if size > LIMIT else ""


def milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def plain(value: Any, time_of: Callable[[datetime], Any]) -> Any:
    """JSON's types only, times as `time_of` gives them."""
    match value:
        case datetime():
            return time_of(value)
        case Mapping():
            return {key: plain(item, time_of) for key, item in value.items()}
        case list() | tuple():
            return [plain(item, time_of) for item in value]
    return value


def within_limit(result: dict[str, Any]) -> dict[str, Any]:
    """The same, unless Step Functions would refuse it for its size."""
    if cause := excess(result):
        raise TaskError(TOO_LARGE, cause)
    return result
