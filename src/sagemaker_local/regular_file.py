"""Files and folders that another program made, opened without following links or waiting for a writer."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast


@contextmanager
def open_regular(file: Path) -> Iterator[BinaryIO]:
    """Open a regular file for reading. OSError if it is a link, a pipe or a device, or does not exist.

    Jobs on AWS run as root, so a file without read permission is readable there. Its owner can read it here.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    if not file.is_symlink() and not os.access(file, os.R_OK):
        file.chmod(0o400)
    with os.fdopen(os.open(file, flags), "rb") as opened:
        if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
            raise OSError(0, "it is not a regular file", str(file))
        yield opened


def opened(file: Path, mode: str, buffering: int = -1) -> BinaryIO:
    """Open a binary file without following a link at its end. OSError if it is one.

    A job can reach its log file by its real path, and replace it.
    """
    return cast("BinaryIO", open(file, mode, buffering, opener=_no_follow))


def _no_follow(name: str, flags: int) -> int:
    return os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)


def listed(folder: Path) -> list[os.DirEntry[str]]:
    """The entries of a folder, sorted by name. Its owner can list a folder without permissions."""
    if not os.access(folder, os.R_OK | os.X_OK):
        folder.chmod(0o700)
    with os.scandir(folder) as entries:
        return sorted(entries, key=lambda entry: entry.name)
