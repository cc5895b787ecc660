"""Start, find and stop the local server.

The server is one detached process that leads its own session and process group, so it stops together with
everything that it started. `up` starts a server that stays up until `down`. `temporary` starts a server that
all users share and that stops with the last of them, even if they are killed. The server starts runs while it
is persistent, or while a user waits for the end of runs.

`python -m stagewright.local.server` is the server's process. process.py implements it.
"""

from __future__ import annotations

import json
import os
import re
import select
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sagemaker_local.sandbox.isolation import carried
from sagemaker_local.shell_variables import for_server
from sagemaker_local.state_folder import Server
from stagewright.errors import TargetError
from stagewright.local.errors import translated
from stagewright.local.program import STAGEWRIGHT
from stagewright.local.state import State

START_SECONDS = 60.0
STOP_SECONDS = 20.0
LEAVE_SECONDS = 10.0
"""Until a killed process has ended. Long enough for a busy machine."""
PROC = Path("/proc")
"""Linux only; macOS has none."""
READY_DESCRIPTOR = 3
LOG_LINES = 15
MISSING_MODULE = re.compile(r"^ *ModuleNotFoundError: No module named '([\w.]+)'$", re.MULTILINE)


@translated()
def find(state: Path) -> Server | None:
    """Return the ready server of this state directory, or None."""
    return State(state.absolute()).server()


def is_persistent(state: Path) -> bool:
    """Return whether the server stays up without users."""
    return State(state.absolute()).is_persistent


@translated()
def up(state: Path, port: int | None = None) -> Server:
    """Start a server that stays up until `down`, and return it when it is ready.

    A server that is already up is made persistent and returned. `port` None means the last port if it is
    free, otherwise any free port. Raises TargetError with the reason if the server cannot start.
    """
    folder = State(state.absolute())
    folder.create()
    with folder.exclusive():
        lease = folder.acquire_lease()
        try:
            running = folder.server()
            if running and port is not None and not running.url.endswith(f":{port}"):
                message = f"The server of {folder.root} is already up at {running.url}, not at port {port}"
                raise TargetError(message, "stagewright down, then up again")
            folder.set_persistent(True)
            return running or _start(folder, port)
        finally:
            os.close(lease)


@contextmanager
def temporary(
    state: Path, start_runs: bool = True, before_exit: Callable[[Server], None] | None = None
) -> Iterator[Server]:
    """Use the server of this state directory in a block. If none is up, start a temporary one.

    A temporary server stops at the end of the last block that uses it, in any process. Without `start_runs`,
    no run starts for this block. `before_exit` is called at the end of the block, after an error too but not
    after an interrupt. No further run starts for this block then, so it can wait for those that are running.
    """
    folder = State(state.absolute())
    server, leases = _leased(folder, start_runs)
    try:
        yield server
    finally:
        _close(leases[1:])
        try:
            if before_exit and isinstance(sys.exception(), Exception | None):
                before_exit(server)
        finally:
            _release(folder, server, leases[0])


@translated()
def _leased(folder: State, start_runs: bool) -> tuple[Server, list[int]]:
    """Return the server, started if none is up, and the descriptors of this process's leases."""
    folder.create()
    with folder.exclusive():
        leases = [folder.acquire_lease()]
        try:
            leases += [folder.let_runs_start()] if start_runs else []
            server = folder.server()
            if server is None:
                folder.set_persistent(False)
                server = _start(folder, None)
        except BaseException:
            _close(leases)
            raise
    return server, leases


def starts_runs(state: Path) -> bool:
    """Return whether the server starts runs: it is persistent, or a user waits for the end of runs."""
    return State(state.absolute()).starts_runs()


@translated()
def down(state: Path) -> bool:
    """Stop the server, which saves its state first. Kill what does not stop. Return False if none was up."""
    folder = State(state.absolute())
    if not folder.root.is_dir():
        return False
    with folder.exclusive():
        server = folder.server()
        if server is None:
            return False
        _stop(folder, server)
    return True


def _close(descriptors: Iterable[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


@translated()
def _release(folder: State, server: Server, lease: int) -> None:
    with folder.exclusive():
        is_last = folder.release_lease(lease)
        if folder.is_persistent or is_last is False:
            return
        _stop(folder, server)


def _stop(folder: State, server: Server) -> None:
    if folder.server() == server:
        os.kill(server.pid, signal.SIGTERM)
    if not _wait(lambda: not folder.is_held(), STOP_SECONDS):
        os.killpg(server.pid, signal.SIGKILL)
        _wait(lambda: not folder.is_held(), STOP_SECONDS)
        folder.withdraw()
    folder.set_persistent(False)
    # The lock is released a moment before the process and its functions have ended.
    _wait(lambda: _is_over(server.pid), LEAVE_SECONDS)


def _start(folder: State, port: int | None) -> Server:
    receiver, sender = os.pipe()
    try:
        pid = _spawn(folder, port, sender)
    except OSError as error:
        raise folder.unusable(error) from error
    finally:
        os.close(sender)
    try:
        answer = _read_line(receiver, START_SECONDS)
    finally:
        os.close(receiver)
    server = folder.server() if answer == {} else None
    if server is None:
        raise _not_started(folder, pid, answer)
    return server


def _spawn(folder: State, port: int | None, ready: int) -> int:
    options = ["--state", str(folder.root), "--ready", str(READY_DESCRIPTOR)]
    options += ["--port", str(port)] if port is not None else []
    log_flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(folder.log), log_flags, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
        (os.POSIX_SPAWN_DUP2, ready, READY_DESCRIPTOR),
    ]
    # -P: do not import a file of the current folder instead of a module.
    command = [sys.executable, "-P", "-m", "stagewright.local.server", *options]
    environment = for_server(os.environ, STAGEWRIGHT) | carried(os.environ)
    return os.posix_spawn(sys.executable, command, environment, file_actions=actions, setsid=True)


def _read_line(receiver: int, seconds: float) -> dict[str, str] | None:
    """Return the message of the new process: {} when it is ready, its error, or None without a message."""
    text = b""
    deadline = time.monotonic() + seconds
    while not text.endswith(b"\n"):
        readable, _, _ = select.select([receiver], [], [], max(0.0, deadline - time.monotonic()))
        part = os.read(receiver, 65_536) if readable else b""
        if not part:
            return None
        text += part
    answer: dict[str, str] = json.loads(text)
    return answer


def _not_started(folder: State, pid: int, answer: dict[str, str] | None) -> TargetError:
    if not _wait(lambda: _is_over(pid), LEAVE_SECONDS):
        os.killpg(pid, signal.SIGKILL)
        _wait(lambda: _is_over(pid), LEAVE_SECONDS)
    if answer:
        return TargetError(answer["message"], answer["remedy"])
    lines = folder.log.read_text(errors="replace").splitlines()[-LOG_LINES:] if folder.log.exists() else []
    tail = "\n".join(f"  {line}" for line in lines)
    if missing := MISSING_MODULE.search(tail):
        message = f"The local server needs {missing[1]}, which is not installed"
        return TargetError(message, "pip install 'stagewright[all]'")
    return TargetError(
        f"The local server did not start; the end of {folder.log}:\n{tail}", "stagewright doctor"
    )


def _wait(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait until the condition is true. Return False if it is not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


def _is_over(group: int) -> bool:
    """Return whether no process of the group is running. Reaps this process's ended children.

    The first thread of a process can be a zombie while its other threads still end, so only a reaped child
    counts as ended.
    """
    with suppress(ChildProcessError):
        while os.waitpid(-group, os.WNOHANG)[0]:
            pass
        return False
    return not _is_running(group)


def _is_running(group: int) -> bool:
    """Return whether a process of the group is running.

    The first process of a container may not reap ended orphans. A signal would still reach them, so the
    states in /proc are read where they exist.
    """
    if PROC.exists():
        return any(_is_running_member(stat, group) for stat in PROC.glob("[0-9]*/stat"))
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):  # macOS: only ended processes are left
        return False
    return True


def _is_running_member(stat: Path, group: int) -> bool:
    """Read the state and the group of a process from its stat file (proc(5))."""
    try:
        state, _, its_group = stat.read_text().rpartition(")")[2].split()[:3]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX" and its_group == str(group)


if __name__ == "__main__":
    from stagewright.local.process import main

    main(sys.argv[1:])
