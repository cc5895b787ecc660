"""Dates within texts: of an object's key, or of a message."""

from __future__ import annotations

import re
from datetime import date

_DATES = re.compile(
    r"year=(\d{4})/month=(\d{1,2})(?:/day=(\d{1,2}))?"
    r"|(?<!\d)(\d{4})([-/_])(\d\d)(?:\5(\d\d))?(?!\d)"
    r"|(?<!\d)(\d{4})(\d\d)(\d\d)(?!\d)"
)
"""year=2026/month=1/day=31; 2026-01-31, 2026/01/31 or 2026_01; 20260131."""
YEARS = range(1900, 2200)


def date_in(text: str) -> str:
    """The first date as `2026-01-31` or `2026-01`; empty where there is none."""
    for found in _DATES.finditer(text):
        year, month, day = ([each for each in found.groups() if each and each.isdigit()] + [""])[:3]
        if iso := _iso(int(year), int(month), day):
            return iso
    return ""


def _iso(year: int, month: int, day: str) -> str:
    try:
        made = date(year, month, int(day or 1))
    except ValueError:
        return ""
    if year not in YEARS:
        return ""
    return f"{made:%Y-%m-%d}" if day else f"{made:%Y-%m}"
