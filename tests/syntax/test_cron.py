from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagewright.syntax.cron import Cron, cron_is_due, parse, rate_is_due, rate_minutes

ZURICH = "Europe/Zurich"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def next_due(expression: str, zone: str, after: datetime) -> datetime | None:
    """Return the first time after `after`, in UTC, or None. It searches day by day, not minute by minute."""
    cron, time_zone = parse(expression), ZoneInfo(zone)
    day = after.astimezone(time_zone).date()
    while day.year <= max(cron.years):
        if day.month in cron.months and day.year in cron.years and any(test(day) for test in cron.days):
            times = _times(cron, day, time_zone)
            if due := next((time for time in times if time > after), None):
                return due
        day += timedelta(days=1)
    return None


def _times(cron: Cron, day: date, zone: ZoneInfo) -> list[datetime]:
    """Return the times of one day that exist as local times, in UTC."""
    local = [
        datetime(day.year, day.month, day.day, h, m, tzinfo=zone) for h in cron.hours for m in cron.minutes
    ]
    candidates = [(time.astimezone(UTC), time) for time in local]
    return sorted(
        utc
        for utc, time in candidates
        if utc.astimezone(zone).replace(tzinfo=None) == time.replace(tzinfo=None)
    )


def following(expression: str, after: str, zone: str = "UTC", count: int = 1) -> list[str]:
    times, time = [], at(after)
    for _ in range(count):
        due = next_due(expression, zone, time)
        if due is None:
            break
        times.append(f"{due:%Y-%m-%dT%H:%M}")
        time = due
    return times


NEXT = [
    ("0 14 ? * SAT *", "2026-11-22T00:00", ["2026-11-28T14:00", "2026-12-05T14:00"]),
    ("15 10 * * ? *", "2026-11-22T10:15", ["2026-11-23T10:15"]),
    ("0 18 ? * MON-FRI *", "2026-11-20T18:00", ["2026-11-23T18:00", "2026-11-24T18:00"]),
    ("0/20 9,17 * * ? *", "2026-11-22T09:30", ["2026-11-22T09:40", "2026-11-22T17:00", "2026-11-22T17:20"]),
    ("*/30 0 1 * ? *", "2026-11-22T00:00", ["2026-12-01T00:00", "2026-12-01T00:30", "2027-01-01T00:00"]),
    ("5-8/2 0 1 1 ? 2027", "2026-11-22T00:00", ["2027-01-01T00:05", "2027-01-01T00:07"]),
    ("0 8 L * ? *", "2026-01-31T08:00", ["2026-02-28T08:00", "2026-03-31T08:00"]),
    ("0 8 L FEB ? 2028", "2026-01-31T08:00", ["2028-02-29T08:00"]),
    ("0 8 LW * ? *", "2026-01-01T00:00", ["2026-01-30T08:00", "2026-02-27T08:00"]),
    ("0 8 15W * ? *", "2026-08-01T00:00", ["2026-08-14T08:00", "2026-09-15T08:00"]),
    ("0 8 1W * ? *", "2026-07-31T00:00", ["2026-08-03T08:00", "2026-09-01T08:00"]),
    ("0 8 31W * ? *", "2026-05-01T00:00", ["2026-05-29T08:00", "2026-07-31T08:00"]),
    ("0 0 ? * 6#3 *", "2026-11-01T00:00", ["2026-11-20T00:00", "2026-12-18T00:00"]),
    ("0 0 ? * TUE#5 *", "2026-07-01T00:00", ["2026-09-29T00:00", "2026-12-29T00:00"]),
    ("0 0 ? * 6L *", "2026-11-01T00:00", ["2026-11-27T00:00", "2026-12-25T00:00"]),
    ("0 0 ? * L *", "2026-11-22T00:00", ["2026-11-28T00:00"]),
    ("0 0 ? JAN,jul sun *", "2026-11-22T00:00", ["2027-01-03T00:00"]),
    ("0 0 29 2 ? *", "2026-11-22T00:00", ["2028-02-29T00:00"]),
    ("0 0 30 2 ? *", "2190-11-22T00:00", []),
    ("0 0 1 1 ? 2020-2022", "2026-11-22T00:00", []),
]


@pytest.mark.parametrize(("expression", "after", "expected"), NEXT)
def test_next_times_of_an_expression(expression, after, expected):
    assert following(expression, after, count=max(1, len(expected))) == expected


def test_local_time_follows_daylight_saving_time():
    assert following("0 8 * * ? *", "2026-03-28T00:00", ZURICH, 3) == [
        "2026-03-28T07:00", "2026-03-29T06:00", "2026-03-30T06:00",
    ]  # fmt: skip


def test_time_skipped_by_daylight_saving_does_not_occur():
    """On 2026-03-29 Zurich's clocks go from 02:00 to 03:00."""
    assert following("30 2 * * ? *", "2026-03-28T12:00", ZURICH) == ["2026-03-30T00:30"]
    minutes = [at("2026-03-29T00:00") + timedelta(minutes=n) for n in range(180)]
    assert not any(cron_is_due("30 2 * * ? *", ZURICH, minute) for minute in minutes)


def test_time_repeated_by_daylight_saving_occurs_once():
    """On 2026-10-25 Zurich's clocks go from 03:00 back to 02:00."""
    minutes = [at("2026-10-24T22:00") + timedelta(minutes=n) for n in range(300)]
    due = [minute for minute in minutes if cron_is_due("30 2 * * ? *", ZURICH, minute)]
    assert due == [at("2026-10-25T00:30")]


@pytest.mark.slow
@given(
    st.sampled_from([expression for expression, _, _ in NEXT]),
    st.integers(0, 3_000_000),
    st.sampled_from(["UTC", ZURICH, "America/St_Johns", "Pacific/Apia"]),
)
def test_next_time_is_due_and_earlier_times_are_not(expression, minutes_later, zone):
    after = at("2024-01-01T00:00") + timedelta(minutes=minutes_later)
    due = next_due(expression, zone, after)
    assert due is None or cron_is_due(expression, zone, due)
    minutes = (after + timedelta(minutes=n) for n in range(1, 300))
    seen = next((minute for minute in minutes if cron_is_due(expression, zone, minute)), None)
    assert seen == (due if due and due < after + timedelta(minutes=300) else None)


WRONG = [
    ("0 14 * * SAT *", "exactly one of day-of-month and day-of-week must be ?"),
    ("0 14 ? * ? *", "exactly one of day-of-month and day-of-week must be ?"),
    ("0 14 ? * SAT", "5 fields; cron has 6"),
    ("60 14 ? * SAT *", "minutes: 60 is not a number from 0 to 59"),
    ("0 24 ? * SAT *", "hours: 24 is not a number from 0 to 23"),
    ("0 1 0 * ? *", "day-of-month: 0 is not a number from 1 to 31"),
    ("0 1 ? * SUNDAY *", "day-of-week: SUNDAY is not a number from 1 to 7 or SUN, MON"),
    ("0 1 1 13 ? *", "month: 13 is not a number from 1 to 12 or JAN"),
    ("0 1 1 * ? 1969", "year: 1969 is not a number from 1970 to 2199"),
    ("0 5-3 1 * ? *", "hours: 5-3: the range ends before it begins"),
    ("0/0 5 1 * ? *", "minutes: 0/0: the step after / must be a number from 1"),
    ("0/x 5 1 * ? *", "minutes: 0/X: the step after / must be a number from 1"),
    ("0, 5 1 * ? *", "minutes: nothing is not a number"),
    ("0 1 ? * 6#6 *", "day-of-week: 6 is not a number from 1 to 5"),
    ("² 1 1 * ? *", "minutes: ² is not a number from 0 to 59"),
    ("0/² 1 1 * ? *", "the step after / must be a number from 1"),
    ("9" * 100 + " 1 1 * ? *", "9 is not a number from 0 to 59"),
    ("0" + ",0" * 200 + " 1 1 * ? *", "411 characters; AWS accepts at most 250"),
    ("0 1 32W * ? *", "day-of-month: 32 is not a number from 1 to 31"),
]


@pytest.mark.parametrize(("expression", "message"), WRONG)
def test_invalid_cron_expression_is_explained(expression, message):
    with pytest.raises(ValueError, match=message.replace("?", r"\?")):
        parse(expression)


def test_rate_is_due_at_multiples_of_its_period():
    assert [rate_minutes(rate) for rate in ("1 minute", "5 minutes", "6 hours", "2 days")] == [
        1,
        5,
        360,
        2880,
    ]
    assert [rate_is_due("6 hours", at(f"2026-11-22T{hour:02}:00")) for hour in (0, 5, 6, 18)] == [
        True, False, True, True,
    ]  # fmt: skip
    for wrong in ("0 hours", "6", "hours", "6 weeks", "1.5 hours", "6hours"):
        with pytest.raises(ValueError, match="is not a rate"):
            rate_minutes(wrong)
