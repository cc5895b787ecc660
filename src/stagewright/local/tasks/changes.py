"""Waiting for jobs: until one has ended, or nobody waits for it any more."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from sagemaker_local.api.protocol import ApiError
from stagewright.local.emulator.engine import ExecutionStoppedError, Task, TaskError

FALLBACK_SECONDS = 0.25
"""A change that nobody announced is noticed after this long."""

Found = TypeVar("Found")


class Changes:
    """Wakes those who wait for a job whenever any job changes."""

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
        """Until `count` is no longer `seen`, at most `seconds`."""
        with self._condition:
            self._condition.wait_for(lambda: self._count != seen, timeout=seconds)

    def until(self, task: Task, look: Callable[[], Found | None], stop: Callable[[], Any]) -> Found:
        """What `look` finds at last. `stop` is called where the execution is stopped or the task times out:
        ExecutionStoppedError, or TaskError."""
        deadline = time.monotonic() + task.timeout if task.timeout is not None else float("inf")
        while True:
            seen = self.count
            if (found := look()) is not None:
                return found
            if task.stopped or time.monotonic() >= deadline:
                with suppress(ApiError):  # it ended meanwhile: nothing is left to stop
                    stop()
                if task.stopped:
                    raise ExecutionStoppedError("the execution was stopped while its job ran")
                raise TaskError("States.Timeout", "")
            self.wait(seen, FALLBACK_SECONDS)
