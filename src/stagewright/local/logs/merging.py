"""The events of several log streams in the order of their times."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sagemaker_local.logs.log_file import LogEvent
from stagewright.local.logs.served_logs import ServedLogs, StreamEntry


@dataclass(frozen=True)
class LoggedEvent:
    """An event and its stream."""

    entry: StreamEntry
    event: LogEvent

    @property
    def order(self) -> tuple[int, str, int]:
        """Time, stream and offset: unique in a group, and the order of the events."""
        return self.event.time, self.entry.name, self.event.start


def merged(
    logs: ServedLogs, entries: Sequence[StreamEntry], since: int = 0, needed: bytes = b""
) -> Iterator[LoggedEvent]:
    """Yield the events at or after a time (epoch milliseconds), oldest first.

    Events of segments that do not contain `needed` are left out.

    A stream is opened when the first of its events can be next. Streams of jobs that ran one after the other
    are so open one after the other.
    """
    waiting = sorted(entries, key=lambda entry: entry.first_time, reverse=True)
    heap: list[tuple[tuple[int, str, int], LoggedEvent, Iterator[LoggedEvent]]] = []
    while waiting or heap:
        while waiting and (not heap or waiting[-1].first_time <= heap[0][0][0]):
            _push(heap, _events(logs, waiting.pop(), since, needed))
        if heap:
            _, logged, events = heapq.heappop(heap)
            yield logged
            _push(heap, events)


def _push(
    heap: list[tuple[tuple[int, str, int], LoggedEvent, Iterator[LoggedEvent]]], events: Iterator[LoggedEvent]
) -> None:
    if logged := next(events, None):
        heapq.heappush(heap, (logged.order, logged, events))


def _events(logs: ServedLogs, entry: StreamEntry, since: int, needed: bytes) -> Iterator[LoggedEvent]:
    file = logs.events(entry)
    for event in file.events(file.offset_of(since), needed):
        yield LoggedEvent(entry, event)
