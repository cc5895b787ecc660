"""Several runs, as `stagewright.runs` returns them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, overload

from stagewright.api import html, tables
from stagewright.api.run import Run
from stagewright.errors import DocumentError, Problem, TargetError
from stagewright.naming import timestamp
from stagewright.syntax import durations

if TYPE_CHECKING:
    from stagewright.api.target import Session
    from stagewright.runs.history.records import RunRecord

DURATION = re.compile(r"\d{1,6}[smhdw]")
MOST = 1000
"""The most runs that one call lists."""
USUAL = 20
"""Runs that are listed without a limit."""
Since = str | date | timedelta | None


class Runs(Sequence[Run]):
    """Runs, newest first."""

    def __init__(self, session: Session | None, records: Sequence[RunRecord]) -> None:
        """`session` is None only if there are no runs."""
        self._session, self.listed = session, tuple(records)
        self._with_stages: tuple[RunRecord, ...] | None = None

    @overload
    def __getitem__(self, index: int) -> Run: ...

    @overload
    def __getitem__(self, index: slice) -> Runs: ...

    def __getitem__(self, index: int | slice) -> Run | Runs:
        if isinstance(index, slice):
            return Runs(self._session, self.listed[index])
        record = self.listed[index]
        assert self._session  # noqa: S101 -- there is a record
        return Run(self._session, record.run, record)

    def __len__(self) -> int:
        return len(self.listed)

    @property
    def records(self) -> tuple[RunRecord, ...]:
        """All that is recorded about the runs and their stages. Read at the first use."""
        from stagewright.runs.history import run_history

        if self._with_stages is None:
            gateway = self._session.gateway if self._session else None
            self._with_stages = tuple(run_history.with_stages(gateway, self.listed)) if gateway else ()
        return self._with_stages

    @property
    def metrics(self) -> dict[str, dict[str, float]]:
        """Run -> `stage.metric` -> value."""
        return {record.run: tables.metrics_of(record) for record in self.records}

    def rows(self) -> list[dict[str, Any]]:
        """A dictionary for each run: its id, state, times, parameters and metrics."""
        return [row(record) for record in self.records]

    def to_frame(self) -> Any:
        """The `rows` as a pandas DataFrame. TargetError: pandas is not installed."""
        try:
            from importlib import import_module

            frame = import_module("pandas").DataFrame
        except ModuleNotFoundError:
            raise TargetError("pandas is not installed", "pip install pandas, or use rows()") from None
        return frame(self.rows())

    def __repr__(self) -> str:
        return f"<{len(self)} runs: {', '.join(record.run for record in self.listed)}>"

    def _repr_html_(self) -> str:
        return html.table(*tables.run_table(self.listed))


def read(session: Session, pipeline: str | None, since: str = "", limit: int | None = None) -> Runs:
    """The runs of a pipeline, or all, that were created since then (ISO 8601 UTC)."""
    from stagewright.runs.history import run_history

    most = limit or (MOST if since else USUAL)
    return Runs(session, run_history.list_runs(session.gateway, pipeline, most, since))


def row(record: RunRecord) -> dict[str, Any]:
    """One run as a flat dictionary. Metrics are named `stage.metric`, parameters `parameters.name`."""
    return {
        "run": record.run,
        "pipeline": record.pipeline,
        "status": record.status,
        "trigger": record.trigger.type,
        "partition": record.partition,
        "created": datetime.fromisoformat(record.created),
        "seconds": record.seconds,
        **{f"parameters.{name}": value for name, value in record.trigger.parameters.items()},
        **tables.metrics_of(record),
    }


def parse_since(since: Since, now: datetime | None = None) -> str:
    """The earliest time of creation, ISO 8601 UTC. Empty: any.

    `since` is a time, a day, a period before now, or a text: `2026-01-31`, `2026-01-31T08:00`, `7d`, `12h`.
    A time without a zone is local. DocumentError: it is none of these.
    """
    try:
        return "" if since is None else timestamp(_moment(since, now or datetime.now(UTC)))
    except (ValueError, OverflowError):
        remedy = "write 2026-01-31, 2026-01-31T08:00, or a period such as 7d or 12h"
        raise DocumentError((Problem("since", f'"{since}" is not a time', remedy),)) from None


def _moment(since: str | date | timedelta, now: datetime) -> datetime:
    if isinstance(since, timedelta):
        return now - since
    if isinstance(since, datetime):
        return since
    if isinstance(since, date):
        return datetime.combine(since, time())
    if DURATION.fullmatch(since):
        return now - timedelta(seconds=durations.seconds(since))
    return datetime.fromisoformat(since)
