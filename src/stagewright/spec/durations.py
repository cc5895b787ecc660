"""Durations such as `10m` in seconds."""

from __future__ import annotations

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def seconds_of(duration: str) -> int:
    return int(duration[:-1]) * UNITS[duration[-1]]
