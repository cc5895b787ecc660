"""A kill before or after any call that writes into the state folder leaves nothing that looks like damage."""

from __future__ import annotations

import builtins
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sagemaker_local import store
from sagemaker_local.store import Store
from stagewright.local import integrity
from stagewright.local.emulator import journal
from stagewright.local.emulator.journal import Journal
from stagewright.local.emulator.previous import Previous
from stagewright.local.state import Owner, State

pytestmark = pytest.mark.slow

CALLS = ("open", "close", "write", "pwrite", "replace", "rename", "link", "unlink", "ftruncate", "fsync")
ENDED, KILLED = 0, 9


def killed_at(moment: int, act: Callable[[], Any]) -> bool:
    """Act in a child process, which is killed before (even) or after (odd) a call. False: it had ended."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == KILLED
    count = 0

    def step() -> None:
        nonlocal count
        if count == moment:
            os._exit(KILLED)
        count += 1

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*arguments: Any, **keywords: Any) -> Any:
            step()
            answer = call(*arguments, **keywords)
            step()
            return answer

        return wrapper

    try:
        for name in CALLS:
            setattr(os, name, counted(getattr(os, name)))
        builtins.open = counted(builtins.open)  # type: ignore[assignment]
        act()
        os._exit(ENDED)
    finally:
        os._exit(1)


def journaled(folder: Path) -> Journal:
    written = Journal(folder)
    written.begin()
    written.write("item", "arn", "key", "sort", {"a": 1})
    return written


def begin_journal(state: State) -> Callable[[], Any]:
    return journaled(state.services).begin


def write_change(state: State) -> Callable[[], Any]:
    written = journaled(state.services)
    return lambda: written.write("item", "arn", "key", "sort", {"a": 2})


def keep_journal(state: State) -> Callable[[], Any]:
    journaled(state.services)
    return lambda: Previous(state.services).keep_journal(journal.files(state.services))


def remove_journal(state: State) -> Callable[[], Any]:
    journaled(state.services)
    return lambda: journal.remove(journal.files(state.services)[0])


def salvage_journal(state: State) -> Callable[[], Any]:
    journaled(state.services)
    return lambda: journal.salvage(journal.files(state.services)[0])


def create_store(state: State) -> Callable[[], Any]:
    return lambda: Store(state.root / "sagemaker/store.sqlite")


def write_record(state: State) -> Callable[[], Any]:
    file = state.root / "sagemaker/store.sqlite"
    Store(file).close()
    return lambda: Store(file).put("job", "a", {"a": 1})


def record_format(state: State) -> Callable[[], Any]:
    create_store(state)()
    return lambda: integrity.record(state)


ACTS = (
    begin_journal, write_change, keep_journal, remove_journal, salvage_journal, create_store, write_record,
    record_format,
)  # fmt: skip


@pytest.mark.parametrize("prepare", ACTS)
def test_kill_leaves_no_damage(tmp_path: Path, prepare: Callable[[State], Callable[[], Any]]) -> None:
    for moment in range(1_000):
        state = State(tmp_path / f"{moment}")
        state.services.mkdir(parents=True)
        killed = killed_at(moment, prepare(state))
        assert integrity.check_stopped(state) == [], moment
        assert not any(journal.problems(state.services / "previous", legacy=False)), moment
        if not killed:
            break
    assert moment > 1
    assert not killed


def test_kill_leaves_a_whole_owner(tmp_path: Path) -> None:
    """What an earlier server started is ended by the name in the lock."""
    long, short = Owner(1_000_000, "LONG" * 8, "0.1.0"), Owner(1, "SHORT", "0.1.0")
    for moment in range(1_000):
        state = State(tmp_path / f"{moment}")
        state.root.mkdir()
        lock = state.hold()
        state.claim(lock, long)
        killed = killed_at(moment, lambda: state.claim(lock, short))  # noqa: B023 -- called at once
        assert state.owner() in (long, short)
        os.close(lock)
        if not killed:
            break
    assert state.owner() == short


def test_ended_server_leaves_no_owner(tmp_path: Path) -> None:
    state = State(tmp_path)
    lock = state.hold()
    state.claim(lock, Owner(1, "A", "0.1.0"))
    state.claim(lock, None)
    assert state.owner() is None
    os.close(lock)


@pytest.mark.parametrize("left", ["", "0", "0" * 19])
def test_damaged_number_of_changes_is_still_damage(tmp_path: Path, left: str) -> None:
    file = tmp_path / "a.sqlite"
    Store(file).close()
    file.with_name(file.name + store.COUNT).write_text(left)
    assert (store.problem(file) is None) == (left.isdigit())
