"""The local server from outside: start it, find it, stop it.

It is one detached process, the leader of its own session and process group, so that it goes down with
everything it started. `up` leaves one running; one that `borrow` starts is shared by all who borrow, and goes
with the last of them, also when they are killed. Runs are started while it is to stay, or while somebody is
there who sees them to their end: whoever only looks finds what waits, and leaves it waiting.
`python -m stagewright.local.server` is that process; see process.py for its inside.
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

from sagemaker_local.credentials import scrubbed
from sagemaker_local.sandbox.isolation import carried
from sagemaker_local.state_folder import Server
from stagewright.errors import TargetError
from stagewright.local.errors import translated
from stagewright.local.state import State

START_SECONDS = 60.0
STOP_SECONDS = 20.0
LEAVE_SECONDS = 10.0
"""Until what was killed is gone: long enough for a busy machine."""
PROC = Path("/proc")
"""Of Linux; macOS has none."""
READY_DESCRIPTOR = 3
LOG_LINES = 15
ABSENT = re.compile(r"^ *ModuleNotFoundError: No module named '([\w.]+)'$", re.MULTILINE)


@translated()
def find(state: Path) -> Server | None:
    """The server of this state directory, if one is up and ready."""
    return State(state.absolute()).server()


def is_lasting(state: Path) -> bool:
    """Whether the server that is up stays when nobody uses it."""
    return State(state.absolute()).lasting


@translated()
def up(state: Path, port: int | None = None) -> Server:
    """Starts a server that stays until `down`, or returns the one that is up, which then stays as well.

    `port`: None is the port of last time where that is free, otherwise any. Returns when it is ready.
    TargetError when it cannot start; it says why.
    """
    place = State(state.absolute())
    place.create()
    with place.alone():
        lease = place.use()
        try:
            running = place.server()
            if running and port is not None and not running.url.endswith(f":{port}"):
                message = f"The server of {place.root} is already up at {running.url}, not at port {port}"
                raise TargetError(message, "stagewright down, then up again")
            place.set_lasting(True)
            return running or _start(place, port)
        finally:
            os.close(lease)


@contextmanager
def borrow(
    state: Path, looking: bool = False, see_out: Callable[[Server], None] | None = None
) -> Iterator[Server]:
    """The server of this state directory for the length of the block. One is started where none is up; that
    one is stopped at the end of the block, or of the last block of another process that borrowed it.

    `looking`: no run is started for this block. `see_out` is called at the block's end, unless that is an
    interrupt, when no further run is started for it: those that go on have their last chance to end well.
    """
    place = State(state.absolute())
    server, leases = _borrowed(place, looking)
    try:
        yield server
    finally:
        _close(leases[1:])
        try:
            if see_out and isinstance(sys.exception(), Exception | None):
                see_out(server)
        finally:
            _give_back(place, server, leases[0])


@translated()
def _borrowed(place: State, looking: bool) -> tuple[Server, list[int]]:
    """The server, started if none is up, and the descriptors of this process's leases."""
    place.create()
    with place.alone():
        leases = [place.use()]
        try:
            leases += [] if looking else [place.begin_running()]
            server = place.server()
            if server is None:
                place.set_lasting(False)
                server = _start(place, None)
        except BaseException:
            _close(leases)
            raise
    return server, leases


def starts_runs(state: Path) -> bool:
    """Whether the server that is up starts runs: it stays, or somebody sees them to their end."""
    return State(state.absolute()).starts_runs()


@translated()
def down(state: Path) -> bool:
    """Stops the server, which saves its state first; kills what does not end. False when none was up."""
    place = State(state.absolute())
    if not place.root.is_dir():
        return False
    with place.alone():
        server = place.server()
        if server is None:
            return False
        _stop(place, server)
    return True


def _close(descriptors: Iterable[int]) -> None:
    for each in descriptors:
        os.close(each)


def _give_back(place: State, server: Server, lease: int) -> None:
    with place.alone():
        last = place.is_last_use(lease)
        if place.lasting or last is False:
            return
        _stop(place, server)


def _stop(place: State, server: Server) -> None:
    if place.server() == server:
        os.kill(server.pid, signal.SIGTERM)
    if not _wait(lambda: not place.is_held(), STOP_SECONDS):
        os.killpg(server.pid, signal.SIGKILL)
        _wait(lambda: not place.is_held(), STOP_SECONDS)
        place.withdraw()
    place.set_lasting(False)
    # The lock is let go a moment before the process and its functions' have ended.
    _wait(lambda: _is_over(server.pid), LEAVE_SECONDS)


def _start(place: State, port: int | None) -> Server:
    receiver, sender = os.pipe()
    try:
        pid = _spawn(place, port, sender)
    except OSError as error:
        raise place.unusable(error) from error
    finally:
        os.close(sender)
    try:
        answer = _read_line(receiver, START_SECONDS)
    finally:
        os.close(receiver)
    server = place.server() if answer == {} else None
    if server is None:
        raise _not_started(place, pid, answer)
    return server


def _spawn(place: State, port: int | None, ready: int) -> int:
    options = ["--state", str(place.root), "--ready", str(READY_DESCRIPTOR)]
    options += ["--port", str(port)] if port is not None else []
    log_flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(place.log), log_flags, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
        (os.POSIX_SPAWN_DUP2, ready, READY_DESCRIPTOR),
    ]
    # -P: a file of the user's current folder must not be imported in place of a module.
    command = [sys.executable, "-P", "-m", "stagewright.local.server", *options]
    environment = scrubbed(os.environ) | carried(os.environ)
    return os.posix_spawn(sys.executable, command, environment, file_actions=actions, setsid=True)


def _read_line(receiver: int, seconds: float) -> dict[str, str] | None:
    """What the new process says: {} is ready, otherwise its error; None when it says nothing."""
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


def _not_started(place: State, pid: int, answer: dict[str, str] | None) -> TargetError:
    if not _wait(lambda: _is_over(pid), LEAVE_SECONDS):
        os.killpg(pid, signal.SIGKILL)
        _wait(lambda: _is_over(pid), LEAVE_SECONDS)
    if answer:
        return TargetError(answer["message"], answer["remedy"])
    lines = place.log.read_text(errors="replace").splitlines()[-LOG_LINES:] if place.log.exists() else []
    tail = "\n".join(f"  {line}" for line in lines)
    if absent := ABSENT.search(tail):
        message = f"The local server needs {absent[1]}, which is not installed"
        return TargetError(message, "pip install 'stagewright[all]'")
    return TargetError(
        f"The local server did not start; the end of {place.log}:\n{tail}", "stagewright doctor"
    )


def _wait(condition: Callable[[], bool], seconds: float) -> bool:
    """False when it did not come true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


def _is_over(group: int) -> bool:
    """Whether no process of the group is at work any more; own children that have ended are collected."""
    over = not _is_at_work(group)
    with suppress(ChildProcessError):
        while os.waitpid(-group, os.WNOHANG)[0]:
            pass
    return over


def _is_at_work(group: int) -> bool:
    """Not every first process of a container collects the orphans that have ended, so that a signal to the
    group may reach these for ever."""
    if PROC.exists():
        return any(_is_working_member(stat, group) for stat in PROC.glob("[0-9]*/stat"))
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):  # macOS: only such are left as somebody else collects
        return False
    return True


def _is_working_member(stat: Path, group: int) -> bool:
    """By its state and its group (proc(5))."""
    try:
        state, _, its_group = stat.read_text().rpartition(")")[2].split()[:3]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX" and its_group == str(group)


if __name__ == "__main__":
    from stagewright.local.process import main

    main(sys.argv[1:])
