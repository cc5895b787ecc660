"""Cron and rate expressions, with EventBridge Scheduler's syntax.

Source: "Schedule types on EventBridge Scheduler" in the EventBridge Scheduler user guide.

A cron expression has six fields: minutes, hours, day of month, month, day of week, year. One of the two day
fields is `?`. A local time that daylight saving skips does not occur. A local time that it repeats occurs
once.

A rate differs from EventBridge Scheduler's: it counts from the start of 1970 (UTC), so that no state is
needed. `6 hours` means 0:00, 6:00, 12:00 and 18:00 UTC.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

MONTHS = {
    "JAN": 1, "FEB": 2, "MAR": 3, "APR": 4, "MAY": 5, "JUN": 6,
    "JUL": 7, "AUG": 8, "SEP": 9, "OCT": 10, "NOV": 11, "DEC": 12,
}  # fmt: skip
DAYS = {"SUN": 1, "MON": 2, "TUE": 3, "WED": 4, "THU": 5, "FRI": 6, "SAT": 7}
UNITS = {"minute": 1, "hour": 60, "day": 24 * 60}
LENGTH = 250
"""Characters. EventBridge Scheduler's ScheduleExpression has at most 256, with `cron()` (API reference)."""
YEARS = (1970, 2199)
_NUMBER = re.compile(r"[0-9]{1,4}")
_RATE = re.compile(r"([1-9][0-9]{0,5}) (minute|hour|day)s?")

DayTest = Callable[[date], bool]
"""Returns whether a part of a day field includes a date."""


@dataclass(frozen=True)
class Cron:
    """A parsed expression. `days`: one test for each part of the day field that is not `?`."""

    minutes: frozenset[int]
    hours: frozenset[int]
    months: frozenset[int]
    years: frozenset[int]
    days: tuple[DayTest, ...]

    def matches(self, local: datetime) -> bool:
        """Return whether the expression includes this local time, to the minute."""
        return (
            local.minute in self.minutes
            and local.hour in self.hours
            and local.month in self.months
            and local.year in self.years
            and any(includes(local.date()) for includes in self.days)
        )


@cache
def parse(expression: str) -> Cron:
    """Parse a cron expression.

    Raises ValueError with the invalid field and the reason.
    """
    if len(expression) > LENGTH:
        raise ValueError(f"{len(expression)} characters; AWS accepts at most {LENGTH}")
    fields = expression.upper().split()
    if len(fields) != 6:
        raise ValueError(
            f"{len(fields)} fields; cron has 6: minutes hours day-of-month month day-of-week year"
        )
    minutes, hours, day, month, weekday, year = fields
    if (day == "?") == (weekday == "?"):
        raise ValueError("exactly one of day-of-month and day-of-week must be ?")
    return Cron(
        _numbers("minutes", minutes, 0, 59),
        _numbers("hours", hours, 0, 23),
        _numbers("month", month, 1, 12, MONTHS),
        _numbers("year", year, *YEARS),
        tuple(_weekday(part) for part in weekday.split(","))
        if day == "?"
        else tuple(_monthday(part) for part in day.split(",")),
    )


@cache
def rate_minutes(rate: str) -> int:
    """Return the minutes of a rate such as `6 hours`. Raises ValueError for any other text."""
    match = _RATE.fullmatch(rate)
    if not match:
        raise ValueError(f'"{rate}" is not a rate')
    return int(match[1]) * UNITS[match[2]]


def cron_is_due(expression: str, zone: str, minute: datetime) -> bool:
    """Return whether the expression, in time zone `zone`, includes this minute (UTC).

    Raises ZoneInfoNotFoundError for an unknown zone.
    """
    local = minute.astimezone(ZoneInfo(zone))
    return local.fold == 0 and parse(expression).matches(local)


def rate_is_due(rate: str, minute: datetime) -> bool:
    """Return whether a period of the rate begins with this minute."""
    return int(minute.timestamp()) // 60 % rate_minutes(rate) == 0


def _numbers(
    field: str, text: str, low: int, high: int, names: Mapping[str, int] | None = None
) -> frozenset[int]:
    return frozenset(
        number for part in text.split(",") for number in _range(field, part, low, high, names or {})
    )


def _range(field: str, part: str, low: int, high: int, names: Mapping[str, int]) -> range:
    span, slash, step = part.partition("/")
    if slash and not (_NUMBER.fullmatch(step) and int(step) > 0):
        raise ValueError(f"{field}: {part}: the step after / must be a number from 1")
    first, dash, last = span.partition("-")
    if span == "*":
        begin, end = low, high
    else:
        begin = _number(field, first, low, high, names)
        end = _number(field, last, low, high, names) if dash else high if slash else begin
    if end < begin:
        raise ValueError(f"{field}: {part}: the range ends before it begins")
    return range(begin, end + 1, int(step) if slash else 1)


def _number(field: str, text: str, low: int, high: int, names: Mapping[str, int]) -> int:
    number = names.get(text, int(text) if _NUMBER.fullmatch(text) else -1)
    if not low <= number <= high:
        known = f" or {', '.join(names)}" if names else ""
        raise ValueError(f"{field}: {text or 'nothing'} is not a number from {low} to {high}{known}")
    return number


def _monthday(text: str) -> DayTest:
    """`L` is the last day of the month. `15W` is the weekday nearest to the 15th, within the month."""
    if text == "L":
        return lambda day: day.day == _month_length(day)
    if text == "LW":
        return lambda day: day == _nearest_weekday(day, _month_length(day))
    if text.endswith("W"):
        target = _number("day-of-month", text[:-1], 1, 31, {})
        return lambda day: target <= _month_length(day) and day == _nearest_weekday(day, target)
    numbers = frozenset(_range("day-of-month", text, 1, 31, {}))
    return lambda day: day.day in numbers


def _weekday(text: str) -> DayTest:
    """`L` is Saturday. `6L` is the last Friday of the month, and `6#3` is its third Friday."""
    if text == "L":
        return lambda day: _weekday_number(day) == 7
    if text.endswith("L"):
        target = _number("day-of-week", text[:-1], 1, 7, DAYS)
        return lambda day: _weekday_number(day) == target and day.day > _month_length(day) - 7
    name, hash_, which = text.partition("#")
    if hash_:
        target, nth = _number("day-of-week", name, 1, 7, DAYS), _number("day-of-week", which, 1, 5, {})
        return lambda day: _weekday_number(day) == target and (day.day - 1) // 7 + 1 == nth
    numbers = frozenset(_range("day-of-week", text, 1, 7, DAYS))
    return lambda day: _weekday_number(day) in numbers


def _weekday_number(day: date) -> int:
    """Return 1 for Sunday to 7 for Saturday."""
    return day.isoweekday() % 7 + 1


def _month_length(day: date) -> int:
    return monthrange(day.year, day.month)[1]


def _nearest_weekday(day: date, day_of_month: int) -> date:
    """Return the Monday to Friday nearest to a day of the month of `day`, within that month."""
    target = day.replace(day=day_of_month)
    shift = {6: -1, 7: 1}.get(target.isoweekday(), 0)
    if shift and (target + timedelta(days=shift)).month != target.month:
        shift = 2 if shift < 0 else -2
    return target + timedelta(days=shift)
