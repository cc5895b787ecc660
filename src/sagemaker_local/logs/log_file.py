"""The file of a log stream, and the times of its events.

The file has the bytes as the job wrote them. Its companion `<file>.times` has 16 bytes for each segment:
where it starts, and the time of its events. A segment begins with each new millisecond, and at least every
SEGMENT_BYTES. Its events are its lines, or it is one event: a text with line ends in it, or a part of a long
line. Reading takes the memory of a segment.
"""

from __future__ import annotations

import bisect
import contextlib
import heapq
import os
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import BinaryIO, cast

from sagemaker_local.logs.lines import EVENT_BYTES, UTF8_BYTES
from sagemaker_local.regular_file import opened

SEGMENT = struct.Struct(">QQ")
"""Offset in the file; twice the time in epoch milliseconds, plus 1 if the segment is one event."""
SEGMENT_BYTES = 64 * 1024
BUFFER_BYTES = 256 * 1024


@dataclass(frozen=True)
class LogEvent:
    """One event. `start` and `end` are offsets in the file, `time` is epoch milliseconds."""

    start: int
    end: int
    time: int
    data: bytes
    is_line: bool = True

    @property
    def message(self) -> str:
        """The text without its line end. Bytes that are not UTF-8 become U+FFFD."""
        return text_of(self.data) if self.is_line else self.data.decode("utf-8", "replace").removesuffix("\n")

    @property
    def is_complete(self) -> bool:
        """Whether the event has a line end, or is a part of a long line. The last event can lack both."""
        return self.data.endswith(b"\n") or len(self.data) > EVENT_BYTES - UTF8_BYTES


@dataclass(frozen=True)
class _Segment:
    start: int
    time: int
    is_one_event: bool


def text_of(data: bytes) -> str:
    return data.decode("utf-8", "replace").rstrip("\r\n")


class LogWriter:
    """Appends events to a log file. Thread-safe. Times never decrease; an earlier time counts as the last."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self.file = file
        self._lock = threading.Lock()
        self._open()

    def _open(self) -> None:
        self._log = cast("FileIO", opened(self.file, "ab", 0))
        self._times = cast("FileIO", opened(_times_file(self.file), "ab", 0))
        self.size = self._log.tell()
        self._drop_segments_after_the_end()
        self._begins_segment = True
        self._time, self._start = -1, 0
        if last := LogFile(self.file).last_segment():
            self._time, self._start = last.time, last.start
        elif self.size:  # the times are lost
            _write(self._times, SEGMENT.pack(0, 2 * int(self.file.stat().st_mtime * 1000)))

    def append(self, data: bytes, time: int, is_one_event: bool = False) -> None:
        """Append one event: a line with its line end, or any bytes that are one event. OSError."""
        with self._lock:
            if not self._log.closed:
                self._append(data, time, is_one_event)

    def insert(self, events: Sequence[tuple[int, bytes]]) -> None:
        """Add (time, event), in the order of the times. OSError.

        A time before the last rewrites the file.
        """
        with self._lock:
            if events[0][0] < self._time:
                self._rewrite_with(events)
                return
            for time, data in events:
                self._append(data, time, is_one_event=True)

    def close(self) -> None:
        with self._lock:
            self._log.close()
            self._times.close()

    def _append(self, data: bytes, time: int, is_one_event: bool) -> None:
        is_full = self.size - self._start >= SEGMENT_BYTES
        if is_one_event or is_full or self._begins_segment or time > self._time:
            self._begin_segment(max(time, self._time), is_one_event)
        self._begins_segment = True  # if the write fails
        _write(self._log, data)
        self.size += len(data)
        self._begins_segment = is_one_event

    def _rewrite_with(self, events: Sequence[tuple[int, bytes]]) -> None:
        known = LogFile(self.file, self.size).events()
        added = (LogEvent(0, 0, time, data, is_line=False) for time, data in events)
        draft = LogWriter(self.file.with_name(f"{self.file.name}.new"))
        for event in heapq.merge(known, added, key=lambda event: event.time):
            draft.append(event.data, event.time, is_one_event=not event.is_line)
        draft.close()
        draft.file.replace(self.file)
        _times_file(draft.file).replace(_times_file(self.file))
        self._log.close()
        self._times.close()
        self._open()

    def _begin_segment(self, time: int, is_one_event: bool) -> None:
        self.size = os.fstat(self._log.fileno()).st_size
        _write(self._times, SEGMENT.pack(self.size, 2 * time + is_one_event))
        self._time, self._start = time, self.size

    def _drop_segments_after_the_end(self) -> None:
        """A kill can leave a part of a segment, and a power failure segments without their events."""
        with opened(_times_file(self.file), "rb") as times:
            segments = os.fstat(times.fileno()).st_size // SEGMENT.size
            while segments and _segment(times, segments - 1).start > self.size:
                segments -= 1
        self._times.truncate(segments * SEGMENT.size)


class LogFile:
    """Reads the events of a log file. A file that does not exist has none.

    `end` limits what is read; an event may still be incomplete after it.
    """

    def __init__(self, file: Path, end: int | None = None) -> None:
        self.file = file
        self.end = end if end is not None else file.stat().st_size if file.exists() else 0

    def events(self, start: int = 0, needed: bytes = b"") -> Iterator[LogEvent]:
        """Yield the events from an offset on. `start` is 0 or the `end` of an event.

        Events of segments that do not contain `needed` are left out.
        """
        if start >= self.end:
            return
        with opened(self.file, "rb", BUFFER_BYTES) as log, _times(self.file) as times:
            number = max(0, _first(times, lambda segment: segment.start > start) - 1)
            segment = _segment(times, number)
            while segment.start < self.end:
                following = _segment(times, number + 1, self.end)
                begin, end = max(start, segment.start), min(following.start, self.end)
                if _contains(log, begin, end, needed):
                    yield from _read(log, segment, begin, end)
                number, segment = number + 1, following

    def events_before(self, end: int) -> Iterator[LogEvent]:
        """Yield the events before an offset, the last one first.

        The offset is the `start` of an event, or the `end` of this file.
        """
        if not end:
            return
        with opened(self.file, "rb", BUFFER_BYTES) as log, _times(self.file) as times:
            number = _first(times, lambda segment: segment.start >= end) - 1
            while number >= 0:
                segment = _segment(times, number)
                yield from reversed(list(_read(log, segment, segment.start, end)))
                number, end = number - 1, segment.start

    def offset_of(self, time: int) -> int:
        """Return the offset of the first event at or after a time, or the end."""
        with _times(self.file) as times:
            number = _first(times, lambda segment: segment.time >= time)
            return min(_segment(times, number, self.end).start, self.end)

    def first_segment(self) -> _Segment | None:
        with _times(self.file) as times:
            return _segment(times, 0) if self.end and _count(times) else None

    def last_segment(self) -> _Segment | None:
        with _times(self.file) as times:
            number = _first(times, lambda segment: segment.start >= self.end) - 1
            return _segment(times, number) if number >= 0 else None


def _contains(log: BinaryIO, start: int, end: int, needed: bytes) -> bool:
    if not needed:
        return True
    log.seek(start)
    return needed in log.read(end - start)


def _read(log: BinaryIO, segment: _Segment, start: int, end: int) -> Iterator[LogEvent]:
    """Yield the events of a segment between two offsets."""
    log.seek(start)
    while start < end:
        data = log.read(end - start) if segment.is_one_event else log.readline(min(EVENT_BYTES, end - start))
        if not data:
            return
        yield LogEvent(start, start + len(data), segment.time, data, not segment.is_one_event)
        start += len(data)


@contextlib.contextmanager
def _times(file: Path) -> Iterator[BinaryIO]:
    """Open the times. A log file without times has one segment, at the time 0."""
    try:
        with opened(_times_file(file), "rb") as times:
            yield times
    except FileNotFoundError:
        with Path(os.devnull).open("rb") as times:
            yield times


def _times_file(file: Path) -> Path:
    return file.with_name(file.name + ".times")


def _count(times: BinaryIO) -> int:
    return os.fstat(times.fileno()).st_size // SEGMENT.size


def _segment(times: BinaryIO, number: int, end: int = 0) -> _Segment:
    """Return a segment, or an empty one at `end` if there is none of this number."""
    data = os.pread(times.fileno(), SEGMENT.size, number * SEGMENT.size)
    if len(data) < SEGMENT.size:
        return _Segment(end, 0, False)
    start, time = SEGMENT.unpack(data)
    return _Segment(start, time // 2, bool(time % 2))


def _first(times: BinaryIO, matches: Callable[[_Segment], bool]) -> int:
    """Return the number of the first segment that matches. All segments after it must match too."""
    return bisect.bisect_left(range(_count(times)), True, key=lambda number: matches(_segment(times, number)))


def _write(file: BinaryIO, data: bytes) -> None:
    while data:
        data = data[file.write(data) :]
