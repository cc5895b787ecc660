from __future__ import annotations

import pytest

from stagewright.syntax.dates import date_in

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
def test_the_first_date(text, date):
    assert date_in(text) == date
