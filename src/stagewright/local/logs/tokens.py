"""The text form of a position in logs: page tokens, and the pointers of events."""

from __future__ import annotations

import base64
import json
from typing import Any


def encode(*position: str | int) -> str:
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode()


def decode(token: str) -> list[Any]:
    """Return the position. ValueError or TypeError: the text is no position."""
    position = json.loads(base64.urlsafe_b64decode(token))
    if not isinstance(position, list):
        raise TypeError("not a list")
    return position
