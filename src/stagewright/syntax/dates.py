"""Dates in object keys and messages, and the dates of a backfill."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Literal

from stagewright.errors import DocumentError, Problem

_DATES = re.compile(
    r"year=(\d{4})/month=(\d{1,2})(?:/day=(\d{1,2}))?"
    r"|(?<!\d)(\d{4})([-/_])(\d\d)(?:\5(\d\d))?(?!\d)"
    r"|(?<!\d)(\d{4})(\d\d)(\d\d)(?!\d)"
)
"""Matches year=2026/month=1/day=31; 2026-01-31, 2026/01/31 or 2026_01; and 20260131."""
YEARS = range(1900, 2200)
Every = Literal["day", "week", "month", "year"]
MOST = 5_000
"""Maximum number of dates in one backfill."""
FORMAT_REMEDY = "write it as 2024-01 or 2024-01-31"


def date_in(text: str) -> str:
    """Return the first date in `text` as `2026-01-31` or `2026-01`, or "" if there is none."""
    for match in _DATES.finditer(text):
        year, month, day = ([part for part in match.groups() if part and part.isdigit()] + [""])[:3]
        if iso := _iso(int(year), int(month), day):
            return iso
    return ""


def periods(first: str, last: str, every: Every) -> tuple[str, ...]:
    """Return the ISO 8601 dates from `first` to `last`, both included, one for each period.

    `last` may be a month; all its days are included. Months and years have the precision of `first`
    (`2024-01` or `2024-01-01`), so that they match the dates in object keys. A week begins on the weekday of
    `first`. Raises DocumentError for an invalid span.
    """
    begin, end = _day("--from", first, 1), _day("--to", last, 31)
    if every in ("month", "year") and begin.day != 1:
        message = f"a {every} begins on the first day of a month, not on {first}"
        raise DocumentError((Problem("--from", message, f"write {first[:7]}"),))
    if end < begin:
        raise DocumentError((Problem("--to", f"{last} is before {first}", "swap them"),))
    days = list(_between(begin, end, every))
    if len(days) > MOST:
        message = f"more than {MOST:,} periods"
        raise DocumentError((Problem("--every", message, "use longer periods, or a shorter time span"),))
    short = every in ("month", "year") and len(first) == len("2024-01")
    return tuple(f"{day:%Y-%m}" if short else day.isoformat() for day in days)


def next_after(day: str, every: Every) -> str:
    """Return the date of the period after `day`, with the same precision."""
    begin = _day("--from", day, 1)
    return _following(begin, every).isoformat()[: len(day)]


def _iso(year: int, month: int, day: str) -> str:
    try:
        parsed = date(year, month, int(day or 1))
    except ValueError:
        return ""
    if year not in YEARS:
        return ""
    return f"{parsed:%Y-%m-%d}" if day else f"{parsed:%Y-%m}"


def _day(option: str, text: str, default: int) -> date:
    if date_in(text) != text or not text:
        raise DocumentError((Problem(option, f"{text!r} is not a date", FORMAT_REMEDY),))
    if len(text) > len("2024-01"):
        return date.fromisoformat(text)
    year, month = int(text[:4]), int(text[5:])
    return date(year, month, min(default, calendar.monthrange(year, month)[1]))


def _between(begin: date, end: date, every: Every) -> Iterator[date]:
    day = begin
    for _ in range(MOST + 1):
        if day > end:
            return
        yield day
        day = _following(day, every)


def _following(day: date, every: Every) -> date:
    match every:
        case "day":
            return day + timedelta(days=1)
        case "week":
            return day + timedelta(days=7)
        case "month":
            return day.replace(year=day.year + day.month // 12, month=day.month % 12 + 1)
        case "year":
            return day.replace(year=day.year + 1)
