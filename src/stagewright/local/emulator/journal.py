"""The journal: one line per change since the last snapshot, written before the response is sent.

A new file begins before each snapshot. Older files are deleted when the snapshot is on disk, so a change can
be in both. Each line holds a complete new state, so replaying it twice does no harm. A line that a kill
truncated was never acknowledged and is skipped.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PATTERN = "journal-*.jsonl"

log = logging.getLogger(__name__)


class Journal:
    """A thread-safe journal. A line survives the end of the process, but not a power failure."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._descriptor = -1
        self._lock = threading.Lock()

    def write(self, *change: Any) -> None:
        """Append a change. Before the first `begin`, nothing is written: restored state is already on disk.

        On a full disk the server continues in memory, and the next successful snapshot saves the changes.
        """
        line = json.dumps(change, separators=(",", ":")).encode() + b"\n"
        with self._lock:
            if self._descriptor < 0:
                return
            size = os.fstat(self._descriptor).st_size
            try:
                while line:
                    line = line[os.write(self._descriptor, line) :]
            except OSError:
                log.exception("a change could not be written to the journal")
                os.ftruncate(self._descriptor, size)

    def begin(self) -> list[Path]:
        """Begin a new file. Return the earlier files, whose changes the next snapshot includes."""
        with self._lock:
            earlier = self._files()
            number = int(earlier[-1].stem.rpartition("-")[2]) + 1 if earlier else 1
            file = self._folder / PATTERN.replace("*", f"{number:09}")
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            if self._descriptor >= 0:
                os.close(self._descriptor)
            self._descriptor = descriptor
            return earlier

    def changes(self) -> Iterator[list[Any]]:
        """Yield every change, oldest first."""
        for file in self._files():
            for line in file.read_bytes().splitlines():
                try:
                    yield json.loads(line)
                except ValueError:
                    log.warning("%s: skipped a truncated change", file)

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob(PATTERN))
