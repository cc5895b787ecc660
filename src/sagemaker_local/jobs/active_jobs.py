"""The running jobs of one type."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

CLOSE_SECONDS = 10.0


class Run(Protocol):
    def start(self, done: Callable[[], None]) -> None:
        """Start in a thread. `done` is called when the run has ended, whatever the outcome."""

    def stop(self) -> bool:
        """Ask the run to end. False if it has ended or is ending."""

    def interrupt(self) -> None: ...

    def join(self, timeout: float) -> None: ...


AnyRun = TypeVar("AnyRun", bound=Run)


class ClosedError(Exception):
    """No job can start, because the server is stopping."""


class ActiveJobs(Generic[AnyRun]):
    """Running jobs by name. A job whose record has not ended has its run here."""

    def __init__(self) -> None:
        self._runs: dict[str, AnyRun] = {}
        self._lock = threading.Lock()
        self._closed = False

    def begin(self, name: str, make: Callable[[list[AnyRun]], AnyRun]) -> None:
        """Create a run and start it. ClosedError if the server is stopping.

        `make` writes the record. It gets the running jobs, which do not change meanwhile, and may raise an
        error.
        """
        with self._lock:
            if self._closed:
                raise ClosedError
            run = make(list(self._runs.values()))
            self._runs[name] = run
            run.start(lambda: self._remove(name))

    def stop(self, name: str) -> bool:
        """Ask a job to end. False if it has ended or is ending."""
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

    def _remove(self, name: str) -> None:
        with self._lock:
            self._runs.pop(name, None)
