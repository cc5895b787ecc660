"""JSON as states pass it on: compact, at most 256 KiB."""

from __future__ import annotations

import json
from typing import Any

from stagewright.local.step_functions.errors import DATA_LIMIT, StateError

LIMIT = 262_144
"""Bytes of a state's input or output in UTF-8 (Step Functions quotas: 256 KiB)."""


def encode(value: Any) -> str:
    """Return JSON as AWS writes it. ValueError for NaN and infinities."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def limited(value: Any, owner: str, is_terminal: bool) -> str:
    """Return the value as JSON. Raise StateError if it is too large; the cause names the `owner`."""
    text = encode(value)
    if len(text) * 4 > LIMIT and len(text.encode(errors="replace")) > LIMIT:
        limit = "a size exceeding the maximum number of bytes service limit."
        cause = f"The state/task '{owner}' returned a result with {limit}"
        raise StateError(DATA_LIMIT, cause, is_terminal)
    return text


def type_of(value: Any) -> str:
    """Return the name of a value's JSON type."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
    return "array" if isinstance(value, list) else "object"
