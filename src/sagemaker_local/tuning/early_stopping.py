"""Early stopping of training jobs: TrainingJobEarlyStoppingType Auto.

After each epoch the objective is compared with the median of the running averages of the previous training
jobs up to the same epoch ("Stop Training Jobs Early", developer guide). An epoch is a log line that the
metric's expression matches.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from statistics import fmean, median

from sagemaker_local.jobs.metrics import value_in


class Progress:
    """The values of one metric in a growing log file."""

    def __init__(self, log: Path, pattern: re.Pattern[str]) -> None:
        self._log = log
        self._pattern = pattern
        self._read = 0
        self.values: list[float] = []

    def follow(self) -> int:
        """Read new complete lines. Returns how many values there were before."""
        before = len(self.values)
        if self._log.is_file():
            with self._log.open("rb") as file:
                file.seek(self._read)
                text = file.read()
            complete = text[: text.rfind(b"\n") + 1]
            self._read += len(complete)
            lines = complete.decode("utf-8", "replace").splitlines()
            matches = (value_in(self._pattern, line) for line in lines)
            self.values.extend(value for value in matches if value is not None)
        return before


def falls_behind(values: list[float], since: int, previous: Iterable[list[float]], *, maximize: bool) -> bool:
    """Whether a value from index `since` on is worse than the median at its epoch."""
    known = [other for other in previous if other]
    if not known:
        return False
    for epoch in range(since + 1, len(values) + 1):
        middle = median(fmean(other[:epoch]) for other in known)
        value = values[epoch - 1]
        if value < middle if maximize else value > middle:
            return True
    return False
