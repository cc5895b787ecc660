"""The sessions of calls from Python: one for each target, open until `close` or the end of the process.

A command of the command line opens its own session. A program makes many calls, and a local server that
started for each of them would take a second each time.
"""

from __future__ import annotations

import atexit
import os
from contextlib import ExitStack
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, NamedTuple

from stagewright.api import target, waiting
from stagewright.api.target import LOCAL, Session

if TYPE_CHECKING:
    from stagewright.runs.history.records import RunRecord


class Key(NamedTuple):
    """What a session depends on. `folder` has the local state, or is where stagewright.toml is searched."""

    target: str
    folder: Path
    runs: bool
    process: int


class Open(NamedTuple):
    """An open session, and the runs that this process started with it."""

    stack: ExitStack
    session: Session
    started: list[str]


_open: dict[Key, Open] = {}
_lock = RLock()


def connected(name: str, runs: bool = False) -> Session:
    """The open session of a target. Opens it at the first call, and again if its local server has ended.

    `runs`: the caller starts runs. A temporary local server then runs them, until the end of the process.
    TargetError: the target cannot be reached.
    """
    folder = target.state_folder() if name == LOCAL else Path.cwd()
    key = Key(name, folder, runs, os.getpid())
    with _lock:
        if key in _open and not _is_up(_open[key].session):
            _open.pop(key).stack.close()
        if key not in _open:
            stack = ExitStack()
            _open[key] = Open(stack, stack.enter_context(target.session(name, runs)), [])
        return _open[key].session


def stay_up_for(session: Session, run: str) -> str:
    """Let no temporary server end before this run, which this process started. Returns its id."""
    with _lock:
        for opened in _open.values():
            if opened.session is session:
                opened.started.append(run)
    return run


def close() -> None:
    """Close every session. A temporary local server ends, after the runs that it has started."""
    with _lock:
        for key in list(_open):
            _close(key)


def _close(key: Key) -> None:
    stack, session, runs = _open.pop(key)
    if key.process != os.getpid():  # after a fork, the session is the parent's
        return
    with stack:
        for run in runs if session.own and _is_up(session) else ():
            _wait(session, run)


def _wait(session: Session, run: str) -> None:
    """Wait until a run ends, or waits for an approval."""
    for record in waiting.records(session, run):
        if _is_held(session, record):
            return


def _is_held(session: Session, record: RunRecord) -> bool:
    """Whether the run, or the one that it waits for, waits for an approval."""
    from stagewright.runs.history import run_history
    from stagewright.store.run_items import WAITING

    if record.waits_for:
        return _is_held(session, run_history.show(session.gateway, record.waits_for))
    return any(stage.status == WAITING for stage in record.stages)


def _is_up(session: Session) -> bool:
    from stagewright.local import server

    if not session.is_local:
        return True
    running = server.find(target.state_folder())
    return running is not None and running.url == session.gateway.endpoint_url


atexit.register(close)
