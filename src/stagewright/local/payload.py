"""How large a task's result may be."""

from __future__ import annotations

import json
from typing import Any

LIMIT = 262_144
"""Bytes of a task's result (Step Functions quotas: 256 KiB, UTF-8)."""
TOO_LARGE = "States.DataLimitExceeded"


def excess(result: dict[str, Any]) -> str:
    """The cause with which Step Functions refuses the result; empty where it takes it."""
    size = len(json.dumps(result, ensure_ascii=False).encode())
    limit = "maximum number of bytes service limit"
    return f"The task returned {size} bytes, exceeding the {limit}" if size > LIMIT else ""
