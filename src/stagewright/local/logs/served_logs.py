"""The log streams of the local AWS: a list of names in SQLite, and a file for each."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sagemaker_local.logs.log_file import LogFile
from sagemaker_local.logs.log_stream import Logs, LogStream
from sagemaker_local.store import Record, Store

FILE = "logs/streams.sqlite"
ALL = -1


@dataclass(frozen=True)
class StreamEntry:
    """A stream in the list. `created` is epoch milliseconds. No event is older than `first_time`."""

    group: str
    name: str
    file: Path
    created: int
    first_time: int


class ServedLogs(Logs):
    """Streams of jobs, functions and clients. Paths are relative to the state directory `root`.

    `on_group` is called with the group of each stream that a job opens, which may be new.
    """

    def __init__(self, root: Path) -> None:
        super().__init__()
        self._root = root
        self._list = Store(root / FILE)
        self.on_group: Callable[[str], None] = lambda _group: None

    def open(self, group: str, name: str, file: Path) -> LogStream:
        self.on_group(group)
        self._list.add(group, name, _record(file.relative_to(self._root), _now()))
        return super().open(group, name, file)

    def append(self, entry: StreamEntry, events: Sequence[tuple[int, str]]) -> None:
        """Add (time, message) in the order of the times. They can be earlier than those of the stream."""
        if events[0][0] < entry.first_time:
            record = _record(entry.file.relative_to(self._root), entry.created, events[0][0])
            self._list.put(entry.group, entry.name, record)
        with closing(super().open(entry.group, entry.name, entry.file)) as stream:
            stream.put(events)

    def append_lines(self, group: str, name: str, lines: Iterable[str]) -> None:
        """Add lines with the current time, to a stream that may be new."""
        self.create(group, name)
        if entry := self.find(group, name):
            with closing(super().open(group, name, entry.file)) as stream:
                for line in lines:
                    stream.note(line)

    def create(self, group: str, name: str) -> bool:
        """Add an empty stream to the list. Return False if it exists."""
        digest = hashlib.sha256(f"{group}\n{name}".encode()).hexdigest()
        return self._list.add(group, name, _record(Path("logs") / digest[:2] / digest, _now()))

    def find(self, group: str, name: str) -> StreamEntry | None:
        record = self._list.get(group, name)
        return self._entry(group, name, record) if record else None

    def entries(
        self, group: str, limit: int = ALL, *, prefix: str = "", after: str = "", descending: bool = False
    ) -> list[StreamEntry]:
        """Return streams in the order of their names. `after` is the last name of the page before."""
        page = self._list.page(group, limit, prefix=prefix, after=after, descending=descending)
        return [self._entry(group, name, record) for name, record in page]

    def groups(self) -> list[str]:
        """Return the groups that have streams."""
        return self._list.kinds()

    def events(self, entry: StreamEntry) -> LogFile:
        return self.read(entry.file)

    def delete(self, entry: StreamEntry) -> None:
        """Delete a stream with its file."""
        self._list.delete(entry.group, entry.name)
        entry.file.unlink(missing_ok=True)
        entry.file.with_name(f"{entry.file.name}.times").unlink(missing_ok=True)

    def _entry(self, group: str, name: str, record: Record) -> StreamEntry:
        file = self._root / record["file"]
        return StreamEntry(group, name, file, record["created"], record["first_time"])


def _record(file: Path, created: int, first_time: int | None = None) -> Record:
    first = created if first_time is None else first_time
    return {"file": str(file), "created": created, "first_time": first}


def _now() -> int:
    return int(time.time() * 1000)
