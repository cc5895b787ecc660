"""The model servers of one variant: as many processes as its model asks for, one request each at a time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from sagemaker_local.model_servers.serving import (
    INVOCATION_SECONDS,
    LostError,
    NotSentError,
    Reply,
    StartError,
    TimedOutError,
    Worker,
)

TRIES = 3
"""Workers that a request is offered to, where none has had it whole."""

log = logging.getLogger(__name__)


class Pool:
    """A request waits here for a free worker, so one that ends takes no other request along."""

    def __init__(self, workers: Sequence[Worker]) -> None:
        self._workers = tuple(workers)
        self._free = list(workers)
        self._requests = 0
        self._lock = threading.Lock()
        self._freed = threading.Condition(self._lock)
        self._answered = threading.Condition(self._lock)

    def start(self) -> None:
        """Returns when every health check is good. StartError."""
        with ThreadPoolExecutor(len(self._workers), thread_name_prefix="model-start") as starting:
            list(starting.map(Worker.start, self._workers))

    @contextmanager
    def request(self) -> Iterator[None]:
        """Holds the workers for one request: `retire` waits for its end."""
        with self._lock:
            self._requests += 1
        try:
            yield
        finally:
            with self._lock:
                self._requests -= 1
                self._answered.notify_all()

    def exchange(self, body: bytes, headers: Mapping[str, str]) -> Reply:
        """StartError, TimedOutError (also where no worker became free), LostError."""
        last = LostError("no model server took the request")
        for _ in range(TRIES):
            with self._borrowed() as worker:
                try:
                    return worker.exchange(body, headers)
                except NotSentError as error:
                    last = error
        raise last

    def check(self) -> None:
        """Of each worker that has nothing to do: its health. Requests wait for it meanwhile."""
        for worker in self._workers:
            if self._take(worker):
                try:
                    worker.check()
                except StartError as error:
                    log.warning("a model server did not start again: %s", error)
                finally:
                    self._give_back(worker)

    def retire(self, seconds: float = INVOCATION_SECONDS) -> None:
        """Ends the processes when the last request is answered, or after that time."""
        with self._lock:
            self._answered.wait_for(lambda: self._requests == 0, seconds)
        self.close()

    def close(self) -> None:
        for worker in self._workers:
            worker.close()

    @contextmanager
    def _borrowed(self) -> Iterator[Worker]:
        with self._lock:
            if not self._freed.wait_for(lambda: self._free, INVOCATION_SECONDS):
                raise TimedOutError
            worker = next((each for each in self._free if each.running), self._free[0])
            self._free.remove(worker)
        try:
            yield worker
        finally:
            self._give_back(worker)

    def _take(self, worker: Worker) -> bool:
        with self._lock:
            free = worker in self._free
            if free:
                self._free.remove(worker)
            return free

    def _give_back(self, worker: Worker) -> None:
        with self._lock:
            self._free.append(worker)
            self._freed.notify()
