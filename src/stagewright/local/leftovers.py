"""The processes that a killed server left: functions, jobs, model servers.

Each has the access key of the start that it belongs to in its environment (proc(5), /proc/PID/environ). The
new server does not serve that key, so a process that is not found, as on macOS, cannot reach it either.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from stagewright.local.state import Owner

PROC = Path("/proc")
KILL_SECONDS = 5.0


def kill(owner: Owner) -> int:
    """Kill what a server that was killed has started, and return the number of processes.

    Does nothing while that server lives: the state directory is then a copy of the one that it serves.
    """
    if _lives(owner.pid):
        return 0
    killed: set[int] = set()
    deadline = time.monotonic() + KILL_SECONDS
    while (left := _started_by(owner)) and time.monotonic() < deadline:
        for pid in left:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        killed |= left
        time.sleep(0.01)
    return len(killed)


def _lives(pid: int) -> bool:
    with suppress(OSError, IndexError):
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    return False


def _started_by(owner: Owner) -> set[int]:
    mark = f"AWS_ACCESS_KEY_ID={owner.access_key}\0".encode()
    pids = [int(entry.name) for entry in PROC.glob("[0-9]*")] if owner.access_key else []
    return {pid for pid in pids if mark in _environment(pid)}


def _environment(pid: int) -> bytes:
    """Return the environment of a process. Empty: it has ended, or belongs to another user."""
    with suppress(OSError):
        return (PROC / str(pid) / "environ").read_bytes()
    return b""
