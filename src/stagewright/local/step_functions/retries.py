"""Retry fields: which error is tried again, and after how long."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from stagewright.local.step_functions.errors import StateError

ATTEMPTS, INTERVAL, RATE = 3, 1, 2.0
"""The defaults of MaxAttempts, IntervalSeconds and BackoffRate (Amazon States Language)."""
FULL = "FULL"
"""JitterStrategy: a random part of the interval."""


class Retries:
    """The retriers of one visit of a state. `count` is the number of retries so far."""

    def __init__(self, retriers: Sequence[Mapping[str, Any]]) -> None:
        self._retriers = retriers
        self._counts: Counter[int] = Counter()

    @property
    def count(self) -> int:
        return self._counts.total()

    def interval(self, error: StateError) -> float | None:
        """Return the seconds until the next attempt and count it. None: there is none.

        The first retrier that matches decides, also when its attempts are used up.
        """
        for index, retrier in enumerate(self._retriers):
            if error.matches(retrier["ErrorEquals"]):
                return self._next(index, retrier)
        return None

    def _next(self, index: int, retrier: Mapping[str, Any]) -> float | None:
        done = self._counts[index]
        if done >= retrier.get("MaxAttempts", ATTEMPTS):
            return None
        self._counts[index] += 1
        seconds = float(retrier.get("IntervalSeconds", INTERVAL) * retrier.get("BackoffRate", RATE) ** done)
        seconds = min(seconds, retrier.get("MaxDelaySeconds", seconds))
        is_random = retrier.get("JitterStrategy") == FULL
        return random.uniform(0, seconds) if is_random else seconds  # noqa: S311 -- not a secret
