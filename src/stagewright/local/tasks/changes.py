"""Wait for the end of a job, or until its execution stops."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from sagemaker_local.api.protocol import ApiError
from stagewright.local.step_functions.errors import TIMEOUT, AbortedError, StateError
from stagewright.local.step_functions.tasks import Task

FALLBACK_SECONDS = 0.25
"""The longest time until a change without an announcement is noticed."""

T = TypeVar("T")


class Changes:
    """Wakes all waiting tasks when any job changes."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._count = 0

    @property
    def count(self) -> int:
        return self._count

    def announce(self) -> None:
        with self._condition:
            self._count += 1
            self._condition.notify_all()

    def wait(self, seen: int, seconds: float) -> None:
        """Wait until `count` differs from `seen`, at most `seconds`."""
        with self._condition:
            self._condition.wait_for(lambda: self._count != seen, timeout=seconds)

    def until(self, task: Task, answer: Any, check: Callable[[], T | None], stop: Callable[[], Any]) -> T:
        """Submit the task with `answer`, then call `check` after each change until it returns a result.

        If the execution has stopped, also while the job was created, `stop` is called and AbortedError is
        raised. If the task times out, StateError is raised and the job continues, because AWS does not
        document that it stops it ("Run a Job (.sync)").
        """
        try:
            task.submitted(answer)
        except (AbortedError, StateError):  # stopped meanwhile, or the history is full
            _stop(stop)
            raise
        while True:
            seen = self.count
            if (result := check()) is not None:
                return result
            if task.stopped:
                _stop(stop)
                raise AbortedError
            if time.monotonic() >= task.deadline:
                raise StateError(TIMEOUT)
            self.wait(seen, FALLBACK_SECONDS)


def _stop(stop: Callable[[], Any]) -> None:
    with suppress(ApiError):  # the job has ended
        stop()
