"""Durations of a document, such as `10m`."""

from __future__ import annotations

UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


def seconds(duration: str) -> int:
    """Return the seconds of a `syntax.fields.Duration`."""
    return int(duration[:-1]) * UNITS[duration[-1]]
