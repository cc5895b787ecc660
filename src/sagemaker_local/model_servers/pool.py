"""The model servers of one variant. Each process handles one request at a time."""

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

ATTEMPTS = 3
"""How many workers a request is offered to, if none has received it completely."""

log = logging.getLogger(__name__)


class Pool:
    """Model servers and the requests that wait for one. A worker that ends does not affect other requests."""

    def __init__(self, workers: Sequence[Worker]) -> None:
        self._workers = tuple(workers)
        self._free = list(workers)
        self._requests = 0
        self._lock = threading.Lock()
        self._freed = threading.Condition(self._lock)
        self._answered = threading.Condition(self._lock)

    def start(self) -> None:
        """Start all workers. Returns when all are healthy. StartError."""
        with ThreadPoolExecutor(len(self._workers), thread_name_prefix="model-start") as starting:
            list(starting.map(Worker.start, self._workers))

    @contextmanager
    def request(self) -> Iterator[None]:
        """Hold the workers for one request. `retire` waits for it."""
        with self._lock:
            self._requests += 1
        try:
            yield
        finally:
            with self._lock:
                self._requests -= 1
                self._answered.notify_all()

    def exchange(self, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Send a request to a free worker. StartError, TimedOutError (also if no worker becomes free),
        LostError."""
        last = LostError("no model server took the request")
        for _ in range(ATTEMPTS):
            with self._free_worker() as worker:
                try:
                    return worker.exchange(body, headers)
                except NotSentError as error:
                    last = error
        raise last

    def check(self) -> None:
        """Check the health of each idle worker. Requests wait for it."""
        for worker in self._workers:
            if self._take(worker):
                try:
                    worker.check()
                except StartError as error:
                    log.warning("a model server did not restart: %s", error)
                finally:
                    self._release(worker)

    def retire(self, seconds: float = INVOCATION_SECONDS) -> None:
        """Stop the processes after the last response, or after the timeout."""
        with self._lock:
            self._answered.wait_for(lambda: self._requests == 0, seconds)
        self.close()

    def close(self) -> None:
        for worker in self._workers:
            worker.close()

    @contextmanager
    def _free_worker(self) -> Iterator[Worker]:
        with self._lock:
            if not self._freed.wait_for(lambda: self._free, INVOCATION_SECONDS):
                raise TimedOutError
            worker = next((free for free in self._free if free.running), self._free[0])
            self._free.remove(worker)
        try:
            yield worker
        finally:
            self._release(worker)

    def _take(self, worker: Worker) -> bool:
        with self._lock:
            free = worker in self._free
            if free:
                self._free.remove(worker)
            return free

    def _release(self, worker: Worker) -> None:
        with self._lock:
            self._free.append(worker)
            self._freed.notify()
