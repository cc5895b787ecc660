"""The runs of one kind of job that have not ended: begun, found to be stopped, ended with the server."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

CLOSE_SECONDS = 10.0


class Run(Protocol):
    def start(self, done: Callable[[], None]) -> None:
        """`done` is called when it has ended, whatever became of it."""

    def stop(self) -> bool:
        """False where it has ended or is ending."""

    def interrupt(self) -> None: ...

    def join(self, timeout: float) -> None: ...


AnyRun = TypeVar("AnyRun", bound=Run)


class ClosedError(Exception):
    """Nothing is begun any more: the server is stopping."""


class AtWork(Generic[AnyRun]):
    """Whoever can read the record of a job that has not ended finds its run here."""

    def __init__(self) -> None:
        self._runs: dict[str, AnyRun] = {}
        self._lock = threading.Lock()
        self._closed = False

    def begin(self, name: str, made: Callable[[list[AnyRun]], AnyRun]) -> None:
        """`made` writes the record, or refuses for what is at work: nobody looks meanwhile. ClosedError."""
        with self._lock:
            if self._closed:
                raise ClosedError
            run = made(list(self._runs.values()))
            self._runs[name] = run
            run.start(lambda: self._forget(name))

    def stop(self, name: str) -> bool:
        """False where it has ended or is ending."""
        with self._lock:
            run = self._runs.get(name)
        return run is not None and run.stop()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            runs = list(self._runs.values())
        for run in runs:
            run.interrupt()
        for run in runs:
            run.join(CLOSE_SECONDS)

    def _forget(self, name: str) -> None:
        with self._lock:
            self._runs.pop(name, None)
