"""What changed since the last snapshot, a line each, written before the answer goes out.

A file belongs to the time between two snapshots. A new one is begun before a snapshot is taken, and older
ones are removed when it is safe on disk, so a change may stand in both: every line says how something is
now, and doing it twice is no harm. A line that a kill cut off was never answered, and is left out.
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
    """Thread-safe. A line is the system's at once, and so survives the process, but not a power cut."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._descriptor = -1
        self._lock = threading.Lock()

    def write(self, *change: Any) -> None:
        """Before the first `begin` nothing is kept: what is restored is on disk already.

        On a full disk the server goes on in memory: the next snapshot that has room keeps what it did.
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
        """A new file from now on. Answers the earlier ones, whose changes the next snapshot will have."""
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
        """Everything that is kept, oldest first."""
        for file in self._files():
            for line in file.read_bytes().splitlines():
                try:
                    yield json.loads(line)
                except ValueError:
                    log.warning("%s: a change that was cut off is left out", file)

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob(PATTERN))
