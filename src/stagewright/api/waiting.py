"""Wait until a run ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from stagewright.api.launch import pauses
from stagewright.errors import TargetError

if TYPE_CHECKING:
    from stagewright.api.target import Session
    from stagewright.runs.history.records import RunRecord

LONGEST_PAUSE = 3.0
"""Seconds between two checks of a run on AWS."""
LONGEST_LOCAL_PAUSE = 0.25


def records(session: Session, run: str, limit: float | None = None) -> Iterator[RunRecord]:
    """Yield the record of a run at each check. The last one is that of the run's end.

    Ends after `limit` seconds, also if the run has not ended. NotFoundError: there is no such run.
    """
    from stagewright.runs.history import run_history

    for _ in pauses(limit, longest=LONGEST_LOCAL_PAUSE if session.is_local else LONGEST_PAUSE):
        record = run_history.show(session.gateway, run)
        if not record.is_open:
            yield _closed(session, record)
            return
        yield record


def _closed(session: Session, record: RunRecord) -> RunRecord:
    """The record of a run that ended, with what it used. On AWS the recorder and the sweeper do the rest."""
    from stagewright.runs import closing, usage
    from stagewright.runs.history import run_history

    if session.is_local:
        closing.close_if_ended(session.gateway, record.run)
        with suppress(TargetError):  # the sweeper tries again
            return run_history.with_usage(record, usage.count(session.gateway, record.run))
    return record
