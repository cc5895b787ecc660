"""."""

from __future__ import annotations

import errno
import fcntl
import os
import threading
from dataclasses import dataclass
from pathlib import Path

from stagewright.errors import TargetError

REGION = "us-east-1"
ACCOUNT = "000000000000"
NEEDED_BYTES = 50 * 10**6
"""What a server writes at its start, and some small runs."""
PROBE_SECONDS = 1.0
"""`find` holds the server's lock for an instant; a starting server waits that out."""


@dataclass(frozen=True)
class Identity:
    """Made once per state directory, so that what was exported into a shell is good after a restart."""

    access_key: str
    secret_key: str
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@dataclass(frozen=True)
class Server:
    """A local server that answers. `pid` leads its process group."""

    url: str
    access_key: str
    secret_key: str
    pid: int
    state: Path


def write_private(file: Path, text: str) -> None:
    """Atomic, and readable by this user only from its first moment."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}.{threading.get_ident()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w") as stream:
            stream.write(text)
        temporary.replace(file)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def unusable(root: Path, error: OSError) -> TargetError:
    if error.errno == errno.ENOSPC:
        return TargetError(
            f"No space is left for the state directory {root}", "free some space, then try again"
        )
    remedy = "choose another with STAGEWRIGHT_STATE"
    return TargetError(f"The state directory {root} cannot be used: {error.strerror}", remedy)


def _is_locked(file: Path) -> bool:
    try:
        lock = os.open(file, os.O_RDONLY)
    except FileNotFoundError:
        return False
    return _is_taken(lock)


def _is_taken(lock: int) -> bool:
    """Whether somebody has the lock; the descriptor is closed. Those who look share it, so that none takes
    another for its owner."""
    try:
        return not _try(lock, fcntl.LOCK_SH)
    finally:
        os.close(lock)


def _try(lock: int, kind: int) -> bool:
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
