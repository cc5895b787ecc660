"""Advisory file locks. The system releases a lock when the process that holds it ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


def try_lock(descriptor: int, kind: int) -> bool:
    """Take the lock if it is free. `kind` is fcntl.LOCK_EX or fcntl.LOCK_SH."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_locked(file: Path) -> bool:
    """Whether a process holds the exclusive lock of the file. False if the file does not exist."""
    try:
        descriptor = os.open(file, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        # A shared probe, so that two probes at the same time do not take each other for the owner.
        return not try_lock(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)
