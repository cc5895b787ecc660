from __future__ import annotations

import pytest

from stagewright.errors import DocumentError
from stagewright.syntax.dates import date_in, next_after, periods

FOUND = [
    ("raw/2026-01-31/_SUCCESS", "2026-01-31"),
    ("raw/2026/01/31/part-000012.csv", "2026-01-31"),
    ("raw/dt=20260131/part", "2026-01-31"),
    ("raw/year=2026/month=1/day=3/part", "2026-01-03"),
    ("raw/year=2026/month=12/part", "2026-12"),
    ("raw/2026-01/_SUCCESS", "2026-01"),
    ("raw/2026-01-31/copied-2027-02-01", "2026-01-31"),
    ("2026-01-31T14:00:00Z", "2026-01-31"),
    ("raw/2026-02-30/2026-03-01", "2026-03-01"),
    ("raw/2026-13-01/x", ""),
    ("raw/part-000012-000034.csv", ""),
    ("raw/12345678901/x", ""),
    ("raw/x", ""),
    ("", ""),
]


@pytest.mark.parametrize(("text", "date"), FOUND)
def test_first_date_in_a_text(text, date):
    assert date_in(text) == date


@pytest.mark.parametrize(
    ("first", "last", "every", "dates"),
    [
        ("2024-11", "2025-02", "month", ("2024-11", "2024-12", "2025-01", "2025-02")),
        ("2024-11-01", "2024-12", "month", ("2024-11-01", "2024-12-01")),
        ("2024-02-28", "2024-03-01", "day", ("2024-02-28", "2024-02-29", "2024-03-01")),
        ("2024-01", "2024-01", "week", tuple(f"2024-01-{day:02}" for day in (1, 8, 15, 22, 29))),
        ("2022-01", "2024-01", "year", ("2022-01", "2023-01", "2024-01")),
        ("2024-01", "2024-01", "month", ("2024-01",)),
    ],
)
def test_periods_between_two_dates(first, last, every, dates):
    assert periods(first, last, every) == dates


def test_year_has_a_period_for_every_day():
    assert len(periods("2024-01", "2024-12", "day")) == 366


@pytest.mark.parametrize(
    ("first", "last", "every", "expected"),
    [
        ("2024", "2025-01", "month", "--from: '2024' is not a date"),
        ("2024-13", "2025-01", "month", "--from: '2024-13' is not a date"),
        ("2024-01", "last-2024-01", "month", "--to: 'last-2024-01' is not a date"),
        ("2024-02-30", "2025-01", "day", "--from: '2024-02-30' is not a date"),
        ("2024-12", "2024-01", "month", "--to: 2024-01 is before 2024-12"),
        ("2024-01-15", "2024-12", "month", "a month begins on the first day of a month, not on 2024-01-15"),
        ("1990-01", "2024-01", "day", "more than 5,000 periods"),
    ],
)
def test_invalid_span_is_rejected(first, last, every, expected):
    with pytest.raises(DocumentError, match=expected):
        periods(first, last, every)


@pytest.mark.parametrize(
    ("day", "every", "following"),
    [("2024-12", "month", "2025-01"), ("2024-12-31", "day", "2025-01-01"), ("2024-01", "year", "2025-01")],
)
def test_next_period_keeps_the_precision(day, every, following):
    assert next_after(day, every) == following
