"""The timeline of a run: when it waited, and when each stage ran, in percent of its time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from stagewright.api import formatting
from stagewright.runs.history.records import RunRecord

TICKS = 5
LEAST = 0.4
"""Width of the shortest bar, in percent."""


@dataclass(frozen=True)
class Bar:
    """One line of the timeline. `left` and `width` are percent. `status`: of the stage, or WAITING."""

    name: str
    status: str
    left: float
    width: float
    length: str


@dataclass(frozen=True)
class Timeline:
    """Bars, and (percent, text) of the axis."""

    bars: tuple[Bar, ...]
    ticks: tuple[tuple[float, str], ...]


def timeline_of(record: RunRecord) -> Timeline:
    """Return the timeline from the creation of the run to its end, or until now."""
    begin = datetime.fromisoformat(record.created)
    end = datetime.fromisoformat(record.ended) if record.ended else datetime.now(UTC)
    total = max((end - begin).total_seconds(), 0.001)
    ticks = ((100 * n / TICKS, formatting.format_seconds(total * n / TICKS)) for n in range(TICKS + 1))
    return Timeline(tuple(_bars(record, begin, total)), tuple(ticks))


def _bars(record: RunRecord, begin: datetime, total: float) -> Iterator[Bar]:
    def bar(name: str, status: str, started: str, ended: str) -> Bar:
        left = (datetime.fromisoformat(started) - begin).total_seconds()
        length = formatting.seconds(started, ended) or 0
        left = min(max(left, 0) * 100 / total, 100 - LEAST)
        width = min(max(length * 100 / total, LEAST), 100 - left)
        return Bar(name, status, left, width, formatting.format_seconds(length))

    if record.started:
        yield bar("waiting to start", "WAITING", record.created, record.started)
    for stage in record.stages:
        if stage.started and stage.action == "run":
            yield bar(stage.name, stage.status, stage.started, stage.ended or record.ended)
