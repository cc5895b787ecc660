"""Lists of runs."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from stagewright.api.run_list import Runs, parse_since
from stagewright.errors import DocumentError

NOW = datetime(2026, 3, 8, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("since", "expected"),
    [
        (None, ""),
        ("7d", "2026-03-01T12:00:00.000Z"),
        ("12h", "2026-03-08T00:00:00.000Z"),
        (timedelta(minutes=1), "2026-03-08T11:59:00.000Z"),
        (datetime(2026, 1, 1, 1, tzinfo=UTC), "2026-01-01T01:00:00.000Z"),
        ("2026-01-31T08:00:00+02:00", "2026-01-31T06:00:00.000Z"),
    ],
)
def test_since(since, expected):
    assert parse_since(since, NOW) == expected


def test_since_a_day_is_its_local_midnight():
    midnight = datetime(2026, 1, 31).astimezone(UTC)
    expected = f"{midnight:%Y-%m-%dT%H:%M:%S}.000Z"
    assert parse_since(date(2026, 1, 31)) == parse_since("2026-01-31") == expected


@pytest.mark.parametrize("since", ["", "yesterday", "7y", "2026-13-01", "999999w", "31 May", "-1d"])
def test_other_texts_are_refused_with_an_example(since):
    with pytest.raises(DocumentError, match="is not a time") as raised:
        parse_since(since, NOW)
    assert "7d" in str(raised.value)


def test_no_runs():
    runs = Runs(None, ())
    assert (len(runs), list(runs), runs.metrics, runs.rows()) == (0, [], {}, [])
    assert runs[:3].listed == ()
    with pytest.raises(IndexError):
        runs[0]
