"""Training jobs of a tuning job that are stopped before their end: TrainingJobEarlyStoppingType Auto.

"Stop Training Jobs Early" (SageMaker developer guide): after each epoch the objective is compared with the
median of the running averages, up to the same epoch, of the previous training jobs. An epoch is here, as
there, a line of the log that the metric's expression matches.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from statistics import fmean, median

from sagemaker_local.jobs.metrics import value_in


class Progress:
    """The values of one metric in the log of a job, while it grows."""

    def __init__(self, log: Path, pattern: re.Pattern[str]) -> None:
        self._log = log
        self._pattern = pattern
        self._read = 0
        self.values: list[float] = []

    def follow(self) -> int:
        """Reads the lines that are complete by now; answers how many values were there before."""
        before = len(self.values)
        if self._log.is_file():
            with self._log.open("rb") as file:
                file.seek(self._read)
                text = file.read()
            complete = text[: text.rfind(b"\n") + 1]
            self._read += len(complete)
            lines = complete.decode("utf-8", "replace").splitlines()
            found = (value_in(self._pattern, line) for line in lines)
            self.values.extend(value for value in found if value is not None)
        return before


def falls_behind(values: list[float], since: int, earlier: Iterable[list[float]], *, maximize: bool) -> bool:
    """Whether one of the values from `since` on is worse than the median at its epoch."""
    known = [other for other in earlier if other]
    if not known:
        return False
    for epoch in range(since + 1, len(values) + 1):
        middle = median(fmean(other[:epoch]) for other in known)
        value = values[epoch - 1]
        if value < middle if maximize else value > middle:
            return True
    return False
