"""The journal: one line per change since the last snapshot, written before the response is sent.

A new file begins before each snapshot. Older files are deleted when the snapshot is on disk, so a change can
be in both. Each line holds a complete new state, so replaying it twice does no harm. Each file has a second
one with its acknowledged size. What is beyond that size was never acknowledged: a kill cut it off. What is
missing below it was lost.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sagemaker_local.state_folder import write_private

PATTERN = "journal-*.jsonl"
SIZE = ".size"
"""Suffix of the file with the acknowledged size of a journal file."""
DIGITS = 20
KINDS = ("item", "items", "execution", "message", "deleted")
"""First element of a change."""

log = logging.getLogger(__name__)


class Journal:
    """A thread-safe journal. A line survives the end of the process, but not a power failure."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._descriptor = self._size_descriptor = -1
        self._lock = threading.Lock()

    def write(self, *change: Any) -> None:
        """Append a change. Before the first `begin`, nothing is written: restored state is already on disk.

        OSError: the change could not be written, and must not be acknowledged.
        """
        line = json.dumps(change, separators=(",", ":")).encode() + b"\n"
        with self._lock:
            if self._descriptor < 0:
                return
            size = os.fstat(self._descriptor).st_size
            try:
                rest = line
                while rest:
                    rest = rest[os.write(self._descriptor, rest) :]
            except OSError:
                os.ftruncate(self._descriptor, size)
                raise
            os.pwrite(self._size_descriptor, _digits(size + len(line)), 0)

    def begin(self) -> list[Path]:
        """Begin a new file. Return the earlier files, whose changes the next snapshot includes."""
        with self._lock:
            earlier = files(self._folder)
            number = int(earlier[-1].stem.rpartition("-")[2]) + 1 if earlier else 1
            file = self._folder / PATTERN.replace("*", f"{number:09}")
            create_size(file.with_suffix(SIZE))  # takes the space now, so that `write` needs none
            size = os.open(file.with_suffix(SIZE), os.O_WRONLY)
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            for old in (self._descriptor, self._size_descriptor):
                if old >= 0:
                    os.close(old)
            self._descriptor, self._size_descriptor = descriptor, size
            return earlier

    def changes(self) -> Iterator[list[Any]]:
        """Yield every change, oldest first."""
        for file in files(self._folder):
            for line in file.read_bytes().splitlines():
                try:
                    yield json.loads(line)
                except ValueError:
                    log.warning("%s: skipped a truncated change", file)


def files(folder: Path) -> list[Path]:
    """Return the journal files of a folder, oldest first."""
    return sorted(folder.glob(PATTERN))


def remove(file: Path) -> None:
    """Remove a journal file and its size. A kill in between leaves a size of zero."""
    size = file.with_suffix(SIZE)
    if size.exists():
        write_size(size, 0)
    file.unlink(missing_ok=True)
    size.unlink(missing_ok=True)


def problems(folder: Path, legacy: bool) -> Iterator[tuple[Path, str]]:
    """Yield each damaged or missing journal file and what is wrong with it.

    `legacy`: the files may come from a version of Stagewright that wrote no sizes.
    """
    for file in sorted({*files(folder), *(size.with_suffix(".jsonl") for size in folder.glob(f"*{SIZE}"))}):
        try:
            wrong = _problem(file, legacy)
        except OSError as error:
            wrong = f"cannot be read: {error.strerror}"
        if wrong:
            yield file, wrong


def _problem(file: Path, legacy: bool) -> str | None:
    if legacy and not file.with_suffix(SIZE).exists():
        return None
    size = _acknowledged(file)
    content = file.read_bytes() if file.exists() or size != 0 else b""
    if size is None:
        return f"cannot be checked, because {file.with_suffix(SIZE).name} is damaged"
    if len(content) < size:
        return f"is truncated: {size - len(content)} bytes of acknowledged changes are missing"
    wrong = sum(not _is_change(line) for line in content[:size].splitlines())
    return f"is damaged: {wrong} of its changes cannot be read" if wrong else None


def salvage(file: Path) -> int:
    """Remove what is unreadable from a damaged journal file. Return the number of changes that are left."""
    content = file.read_bytes() if file.is_file() else b""
    left = [line + b"\n" for line in content.splitlines() if _is_change(line)]
    write_private(file, b"".join(left).decode())
    write_size(file.with_suffix(SIZE), sum(map(len, left)))
    return len(left)


def create_size(file: Path) -> None:
    """Create a file with the acknowledged size 0, whole at once: an empty one would look like damage."""
    write_private(file, _digits(0).decode(), lasting=False)


def write_size(file: Path, size: int) -> None:
    """Set an acknowledged size, in place: no moment leaves the file without one."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        os.pwrite(descriptor, _digits(size), 0)
    finally:
        os.close(descriptor)


def _digits(size: int) -> bytes:
    return f"{size:0{DIGITS}}".encode()


def _acknowledged(file: Path) -> int | None:
    """Return the acknowledged size of a journal file, or None if it cannot be read."""
    text = file.with_suffix(SIZE).read_bytes() if file.with_suffix(SIZE).exists() else b""
    return int(text) if len(text) == DIGITS and text.isdigit() else None


def _is_change(line: bytes) -> bool:
    try:
        change = json.loads(line)
    except ValueError:
        return False
    return isinstance(change, list) and bool(change) and change[0] in KINDS
