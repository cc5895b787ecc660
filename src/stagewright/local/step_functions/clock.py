"""The time of an execution: timestamps, and waits that can be shortened and interrupted."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from stagewright.local.step_functions.errors import AbortedError


@dataclass(frozen=True)
class Clock:
    """`scale` shortens Wait states and retry intervals, not timeouts. `changes` wakes what waits."""

    scale: float = 1.0
    changes: threading.Condition = field(default_factory=threading.Condition)

    def now(self) -> str:
        return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def seconds_until(self, moment: datetime) -> float:
        return (moment - datetime.now(UTC)).total_seconds()

    def wake(self) -> None:
        with self.changes:
            self.changes.notify_all()

    def wait_for(self, condition: Callable[[], bool], seconds: float | None) -> bool:
        """Wait until `condition` is true after a wake. Return False if it is not within `seconds`."""
        with self.changes:
            return self.changes.wait_for(
                condition, min(seconds, threading.TIMEOUT_MAX) if seconds is not None else None
            )


class Scope:
    """What ends together: an execution, or the branches of one Parallel or Map state.

    `has_ended` returns whether the surrounding scope has ended.
    """

    def __init__(self, clock: Clock, has_ended: Callable[[], bool]) -> None:
        self.clock = clock
        self._has_ended = has_ended
        self._is_aborted = False

    def is_over(self) -> bool:
        return self._is_aborted or self._has_ended()

    def require(self) -> None:
        if self.is_over():
            raise AbortedError

    def abort(self) -> None:
        self._is_aborted = True
        self.clock.wake()

    def pause(self, seconds: float) -> None:
        """Wait, shortened by the clock's scale. Raise AbortedError when the scope ends."""
        if seconds > 0:
            self.clock.wait_for(self.is_over, seconds * self.clock.scale)
        self.require()

    def wait(self, condition: Callable[[], bool], deadline: float) -> bool:
        """Wait until `condition` is true. Return False at the deadline (time.monotonic).

        Raise AbortedError when the scope ends.
        """
        remaining = max(deadline - time.monotonic(), 0)
        seconds = None if remaining == float("inf") else remaining
        is_true = self.clock.wait_for(lambda: self.is_over() or condition(), seconds)
        self.require()
        return is_true
