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
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sagemaker_local.sandbox.isolation import carried
from sagemaker_local.shell_variables import for_server
from sagemaker_local.state_folder import Server
from stagewright import __version__
from stagewright.errors import TargetError
from stagewright.local import health
from stagewright.local.errors import translated
from stagewright.local.program import STAGEWRIGHT
from stagewright.local.state import PROGRESS, State

if TYPE_CHECKING:
    from stagewright.local.integrity import Damage

START_SECONDS = 60.0
"""How long a starting server may take for one step. It reports each step."""
NOTE_SECONDS = 3.0
"""How often the user sees what a starting server does."""
STOP_SECONDS = 20.0
LEAVE_SECONDS = 10.0
"""Until a killed process has ended. Long enough for a busy machine."""
PROC = Path("/proc")
"""Linux only; macOS has none."""
READY_DESCRIPTOR = 3
LOG_LINES = 15
UNREADY_SECONDS = 5.0
"""How long `down` waits for a server that another process starts or stops."""
MISSING_MODULE = re.compile(r"^ *ModuleNotFoundError: No module named '([\w.]+)'$", re.MULTILINE)


Note = Callable[[str], None]


def _ignore(_: str) -> None:
    pass


@translated()
def find(state: Path) -> Server | None:
    """Return the ready server of this state directory, or None."""
    return State(state.absolute()).server()


def is_persistent(state: Path) -> bool:
    """Return whether the server stays up without users."""
    return State(state.absolute()).is_persistent


@translated()
def up(state: Path, port: int | None = None, note: Note = _ignore) -> Server:
    """Start a server that stays up until `down`, and return it when it is ready.

    A server that is already up is made persistent and returned. `port` None means the last port if it is
    free, otherwise any free port. `note` gets what a slow start does. Raises TargetError with the reason if
    the server cannot start.
    """
    folder = State(state.absolute())
    folder.create()
    with folder.exclusive():
        lease = folder.acquire_lease()
        try:
            running = _live_server(folder, health.responds)
            if running and port is not None and not running.url.endswith(f":{port}"):
                message = f"The server of {folder.root} is already up at {running.url}, not at port {port}"
                raise TargetError(message, "stagewright down, then up again")
            folder.set_persistent(True)
            return running or _start(folder, port, note)
        finally:
            os.close(lease)


@contextmanager
def temporary(
    state: Path,
    start_runs: bool = True,
    before_exit: Callable[[Server], None] | None = None,
    note: Note = _ignore,
) -> Iterator[Server]:
    """Use the server of this state directory in a block. If none is up, start a temporary one.

    A temporary server stops at the end of the last block that uses it, in any process. Without `start_runs`,
    no run starts for this block. `note` gets what a slow start does. `before_exit` is called at the end of
    the block, after an error too but not after an interrupt. No further run starts for this block then, so
    it can wait for those that are running.
    """
    folder = State(state.absolute())
    server, leases = _leased(folder, start_runs, note)
    try:
        yield server
    finally:
        hangs = isinstance(sys.exception(), health.UnresponsiveError)
        _close(leases if hangs else leases[1:])
        try:
            if before_exit and not hangs and isinstance(sys.exception(), Exception | None):
                before_exit(server)
        finally:
            if not hangs:  # to stop it would take as long again
                _release(folder, leases[0])


@translated()
def _leased(folder: State, start_runs: bool, note: Note) -> tuple[Server, list[int]]:
    """Return the server, started if none is up, and the descriptors of this process's leases."""
    folder.create()
    with folder.exclusive():
        leases = [folder.acquire_lease()]
        try:
            leases += [folder.let_runs_start()] if start_runs else []
            server = _live_server(folder, health.accepts)
            if server is None:
                folder.set_persistent(False)
                server = _start(folder, None, note)
        except BaseException:
            _close(leases)
            raise
    return server, leases


def _require_version(folder: State) -> None:
    """Raise TargetError if the server that is up belongs to another version of Stagewright."""
    owner = folder.owner()
    if owner and folder.is_held() and owner.version != __version__:
        message = f"The server of {folder.root} runs Stagewright {owner.version}; this is {__version__}"
        raise TargetError(message, "stagewright down, then try again")


def _live_server(folder: State, is_up: Callable[[str], bool]) -> Server | None:
    """Return the server that is up.

    A server that was just killed holds its lock for a moment more, so this waits for its end. Raises
    TargetError if it hangs, or belongs to another version of Stagewright.
    """
    _require_version(folder)
    began, server = time.monotonic(), folder.server()
    if server is None or is_up(server.url):
        return server
    if not _wait(lambda: not folder.is_held(), began + health.RESPONSE_SECONDS - time.monotonic()):
        raise health.UnresponsiveError(server.url)
    return folder.server()


def starts_runs(state: Path) -> bool:
    """Return whether the server starts runs: it is persistent, or a user waits for the end of runs."""
    return State(state.absolute()).starts_runs()


@dataclass(frozen=True)
class Stopped:
    """How a server ended. `was_killed`: it did not stop. `is_saved`: it saved everything before it ended."""

    was_killed: bool = False
    is_saved: bool = True


@translated()
def down(state: Path) -> Stopped | None:
    """Stop the server, which saves its state first. Kill what does not stop. Return None if none was up.

    A server that is not ready is stopped too, also one that another process is still starting.
    """
    folder = State(state.absolute())
    if not folder.root.is_dir():
        return None
    blocked: list[Stopped | None] = []
    with folder.exclusive(lambda: blocked.append(_stop_unready(folder))):
        stopped = _stop(folder) if folder.is_held() else None
    return stopped or next(iter(blocked), None)


def _stop_unready(folder: State) -> Stopped | None:
    """Stop the server that another process starts or stops, as soon as that takes too long."""
    _wait(lambda: folder.server() is not None or not folder.is_held(), UNREADY_SECONDS)
    return _stop(folder) if folder.is_held() else None


@translated()
def damages(state: Path) -> list[Damage]:
    """Return the damaged files of the state directory. Empty while a server is up: it checked them."""
    from stagewright.local import integrity

    folder = State(state.absolute())
    if not folder.root.exists():
        return []
    with folder.exclusive():
        return [] if folder.is_held() else integrity.check_stopped(folder)


@translated()
def repair(state: Path) -> list[str]:
    """Repair the damaged files of the state directory, and return what was done.

    Raises TargetError while a server is up, without space, or if a newer version wrote the state.
    """
    from stagewright.local import integrity

    folder = State(state.absolute())
    if not folder.root.exists():
        return []
    folder.require_space()  # a full disk looks like damage
    done = integrity.repair_types(folder)
    with folder.exclusive():
        if folder.is_held():
            raise TargetError(f"The server of {folder.root} is up", "stagewright down, then try again")
        return done + integrity.repair(folder)


def _close(descriptors: Iterable[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


@translated()
def _release(folder: State, lease: int) -> None:
    with folder.exclusive():
        is_last = folder.release_lease(lease)
        if folder.is_persistent or is_last is False:
            return
        _stop(folder)


def _stop(folder: State) -> Stopped:
    """Stop the process that holds the state directory. One that does not stop is killed."""
    pid, was_ready = _holder(folder), folder.server() is not None
    folder.take_saved()
    _signal(os.kill, pid, signal.SIGTERM)
    was_killed = not _wait(lambda: not folder.is_held(), STOP_SECONDS)
    if was_killed:
        _signal(os.killpg, pid, signal.SIGKILL)
        _wait(lambda: not folder.is_held(), STOP_SECONDS)
        folder.withdraw()
    folder.set_persistent(False)
    # The lock is released a moment before the process and its functions have ended.
    _wait(lambda: not pid or _is_over(pid), LEAVE_SECONDS)
    return Stopped(was_killed, folder.take_saved() or not was_ready)


def _holder(folder: State) -> int:
    """Return the process that holds the state directory. 0: it is unknown, or has ended."""
    server, owner = folder.server(), folder.owner()
    if not folder.is_held():
        return 0
    return server.pid if server else owner.pid if owner else 0


def _signal(send: Callable[[int, int], None], pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # it has just ended
        if pid:
            send(pid, number)


def _start(folder: State, port: int | None, note: Note) -> Server:
    receiver, sender = os.pipe()
    try:
        pid = _spawn(folder, port, sender)
    except OSError as error:
        raise folder.unusable(error) from error
    finally:
        os.close(sender)
    try:
        answer, step = _answer(receiver, note)
    finally:
        os.close(receiver)
    server = folder.server() if answer == {} else None
    if server is None:
        raise _not_started(folder, pid, answer, step)
    return server


def _answer(receiver: int, note: Note) -> tuple[dict[str, str] | None, str]:
    """Return the last message of a starting server, and the last step that it reported.

    The message is {} when it is ready, its error, or None if it ended or a step took too long.
    """
    noted, step = time.monotonic(), "starts"
    for message in _messages(receiver):
        if PROGRESS not in message:
            return message, step
        if message[PROGRESS] != step and time.monotonic() - noted > NOTE_SECONDS:
            note(f"the local server is starting: it {message[PROGRESS]}")
            noted = time.monotonic()
        step = message[PROGRESS]
    return None, step


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


def _messages(receiver: int) -> Iterator[dict[str, str]]:
    """Yield the messages of the new process until it ends, or sends none for START_SECONDS."""
    text = b""
    while select.select([receiver], [], [], START_SECONDS)[0] and (part := os.read(receiver, 65_536)):
        *lines, text = (text + part).split(b"\n")
        yield from map(json.loads, lines)


def _not_started(folder: State, pid: int, answer: dict[str, str] | None, step: str) -> TargetError:
    was_over = _wait(lambda: _is_over(pid), LEAVE_SECONDS)
    if not was_over:
        _signal(os.killpg, pid, signal.SIGKILL)
        _wait(lambda: _is_over(pid), LEAVE_SECONDS)
    if answer:
        return TargetError(answer["message"], answer["remedy"])
    lines = folder.log.read_text(errors="replace").splitlines()[-LOG_LINES:] if folder.log.exists() else []
    tail = "\n".join(f"  {line}" for line in lines)
    if missing := MISSING_MODULE.search(tail):
        message = f"The local server needs {missing[1]}, which is not installed"
        return TargetError(message, "pip install 'stagewright[all]'")
    what = "did not start" if was_over else f"made no progress for {START_SECONDS:.0f} s while it {step}"
    return TargetError(f"The local server {what}; the end of {folder.log}:\n{tail}", "stagewright doctor")


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
