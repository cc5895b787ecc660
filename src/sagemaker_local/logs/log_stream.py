"""Open log streams, which jobs and endpoints write to."""

from __future__ import annotations

import contextlib
import io
import threading
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from sagemaker_local.logs.lines import EVENT_BYTES, events_of
from sagemaker_local.logs.log_file import LogFile, LogWriter, text_of

TAIL_LINES = 40
TAIL_CHARACTERS = 4096
"""Characters of both ends of a long line that stay in memory."""


class LogStream:
    """One log stream. `tail` has the last lines that the job itself wrote. Lines have no line ends."""

    def __init__(self, group: str, name: str, file: Path, logs: Logs) -> None:
        self.group = group
        self.name = name
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)
        self.users = 0
        self._writer = LogWriter(file)
        self._logs = logs

    def write(self, output: bytes) -> str:
        """Write an event of the job's output (see `events_of`), byte for byte. Return its text."""
        text = text_of(output)
        self.tail.append(text if len(text) <= 2 * TAIL_CHARACTERS else _ends(text))
        self._append(output, is_one_event=not output.endswith(b"\n"))
        return text

    def note(self, text: str) -> None:
        """Write a line of this service. A text with line ends is one event."""
        data = text.encode("utf-8", "replace") + b"\n"
        if len(data) <= EVENT_BYTES:
            self._append(data, is_one_event="\n" in text)
            return
        for event in events_of(io.BytesIO(data)):
            self._append(event, is_one_event=not event.endswith(b"\n"))

    def put(self, events: Sequence[tuple[int, str]]) -> None:
        """Write (time, message) of a client, in the order of the times. They can be earlier than the last."""
        self._writer.insert([(time, message.encode("utf-8", "replace") + b"\n") for time, message in events])
        self._logs.written(self)

    @property
    def file(self) -> Path:
        return self._writer.file

    def read(self) -> LogFile:
        """Return the events so far."""
        return LogFile(self._writer.file, self._writer.size)

    def close(self) -> None:
        if self._logs.release(self):
            self._writer.close()
            self._logs.written(self)

    def _append(self, data: bytes, is_one_event: bool) -> None:
        with contextlib.suppress(OSError):  # with a full disk, the job's output must still be read
            self._writer.append(data, int(time.time() * 1000), is_one_event)
        self._logs.written(self)


class Logs:
    """Log streams in files. A subclass also sends or serves them. Thread-safe."""

    def __init__(self) -> None:
        self._open: dict[Path, LogStream] = {}
        self._opening = threading.Lock()

    def open(self, group: str, name: str, file: Path) -> LogStream:
        """Open a stream to append to its file. A file has one stream, which several users can have open."""
        with self._opening:
            stream = self._open.get(file) or LogStream(group, name, file, self)
            self._open[file] = stream
            stream.users += 1
            return stream

    def release(self, stream: LogStream) -> bool:
        """End one use of a stream. Return whether it was the last one."""
        with self._opening:
            stream.users -= 1
            if not stream.users:
                del self._open[stream.file]
            return not stream.users

    def read(self, file: Path) -> LogFile:
        """Return the complete events of a stream's file."""
        with self._opening:
            stream = self._open.get(file)
        return stream.read() if stream else LogFile(file)

    def written(self, stream: LogStream) -> None:
        """Called after each event and when the stream is closed, from any thread."""

    def close(self) -> None:
        """Finish what the subclass does with the streams."""


def _ends(text: str) -> str:
    return text[:TAIL_CHARACTERS] + text[-TAIL_CHARACTERS:]
