"""When a schedule is due: cron and rate as EventBridge Scheduler reads them ("Schedule types on EventBridge
Scheduler" in its user guide).

Cron has six fields: minutes, hours, day of month, month, day of week, year; one of the two day fields is `?`.
A local time that the clocks skip in spring is skipped; one that they show twice in autumn counts once.
Other than there, a rate counts from the start of 1970 (UTC), so that no state is needed: `6 hours` means
0:00, 6:00, 12:00 and 18:00 UTC.
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
YEARS = (1970, 2199)
_RATE = re.compile(r"([1-9][0-9]{0,5}) (minute|hour|day)s?")

Test = Callable[[date], bool]
"""Whether a day is one of those that a day field names."""


@dataclass(frozen=True)
class Cron:
    """A parsed expression; `days` tests what the one day field that is not `?` says."""

    minutes: frozenset[int]
    hours: frozenset[int]
    months: frozenset[int]
    years: frozenset[int]
    days: tuple[Test, ...]

    def matches(self, local: datetime) -> bool:
        return (
            local.minute in self.minutes
            and local.hour in self.hours
            and local.month in self.months
            and local.year in self.years
            and any(test(local.date()) for test in self.days)
        )


@cache
def parse(expression: str) -> Cron:
    """ValueError says which field is wrong, and how."""
    fields = expression.upper().split()
    if len(fields) != 6:
        raise ValueError(
            f"{len(fields)} fields; cron has 6: minutes hours day-of-month month day-of-week year"
        )
    minutes, hours, day, month, weekday, year = fields
    if (day == "?") == (weekday == "?"):
        raise ValueError("one of day-of-month and day-of-week must be ?, the other one not")
    return Cron(
        _numbers("minutes", minutes, 0, 59),
        _numbers("hours", hours, 0, 23),
        _numbers("month", month, 1, 12, MONTHS),
        _numbers("year", year, *YEARS),
        tuple(_weekday(each) for each in weekday.split(",")) if day == "?" else _monthdays(day),
    )


@cache
def rate_minutes(rate: str) -> int:
    """Minutes of a rate such as `6 hours`. ValueError where it is none."""
    found = _RATE.fullmatch(rate)
    if not found:
        raise ValueError(f'"{rate}" is no rate')
    return int(found[1]) * UNITS[found[2]]


def cron_is_due(expression: str, zone: str, minute: datetime) -> bool:
    """Whether a time of the expression begins with this minute (UTC). ZoneInfoNotFoundError: unknown zone."""
    local = minute.astimezone(ZoneInfo(zone))
    return local.fold == 0 and parse(expression).matches(local)


def rate_is_due(rate: str, minute: datetime) -> bool:
    return int(minute.timestamp()) // 60 % rate_minutes(rate) == 0


def _numbers(
    field: str, text: str, low: int, high: int, names: Mapping[str, int] | None = None
) -> frozenset[int]:
    return frozenset(
        number for part in text.split(",") for number in _range(field, part, low, high, names or {})
    )


def _range(field: str, part: str, low: int, high: int, names: Mapping[str, int]) -> range:
    span, slash, step = part.partition("/")
    if slash and not (step.isdigit() and int(step) > 0):
        raise ValueError(f"{field}: {part}: after / stands a number from 1")
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
    number = names.get(text, int(text) if text.isdigit() else -1)
    if not low <= number <= high:
        known = f" or {', '.join(names)}" if names else ""
        raise ValueError(f"{field}: {text or 'nothing'} is not a number from {low} to {high}{known}")
    return number


def _monthdays(text: str) -> tuple[Test, ...]:
    return tuple(_monthday(part) for part in text.split(","))


def _monthday(text: str) -> Test:
    """`L` is the month's last day, `15W` the weekday nearest to the 15th within the month."""
    if text == "L":
        return lambda day: day.day == _last(day)
    if text == "LW":
        return lambda day: day == _nearest_weekday(day, _last(day))
    if text.endswith("W"):
        wanted = _number("day-of-month", text[:-1], 1, 31, {})
        return lambda day: wanted <= _last(day) and day == _nearest_weekday(day, wanted)
    numbers = frozenset(_range("day-of-month", text, 1, 31, {}))
    return lambda day: day.day in numbers


def _weekday(text: str) -> Test:
    """`L` is Saturday, `6L` the month's last Friday, `6#3` its third one."""
    if text == "L":
        return lambda day: _number_of(day) == 7
    if text.endswith("L"):
        wanted = _number("day-of-week", text[:-1], 1, 7, DAYS)
        return lambda day: _number_of(day) == wanted and day.day > _last(day) - 7
    name, hash_, which = text.partition("#")
    if hash_:
        wanted, nth = _number("day-of-week", name, 1, 7, DAYS), _number("day-of-week", which, 1, 5, {})
        return lambda day: _number_of(day) == wanted and (day.day - 1) // 7 + 1 == nth
    numbers = frozenset(_range("day-of-week", text, 1, 7, DAYS))
    return lambda day: _number_of(day) in numbers


def _number_of(day: date) -> int:
    """Sunday is 1, Saturday 7."""
    return day.isoweekday() % 7 + 1


def _last(day: date) -> int:
    return monthrange(day.year, day.month)[1]


def _nearest_weekday(day: date, wanted: int) -> date:
    """The Monday to Friday nearest to that day of the month of `day`, in the same month."""
    target = day.replace(day=wanted)
    shift = {6: -1, 7: 1}.get(target.isoweekday(), 0)
    if shift and (target + timedelta(days=shift)).month != target.month:
        shift = 2 if shift < 0 else -2
    return target + timedelta(days=shift)
