"""Early stopping of training jobs: TrainingJobEarlyStoppingType Auto.

After each epoch the objective is compared with the median of the running averages of the previous training
jobs up to the same epoch ("Stop Training Jobs Early", developer guide). An epoch is a log line that the
metric's expression matches.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice, takewhile
from pathlib import Path
from statistics import fmean, median

from sagemaker_local.jobs.matcher import Matcher
from sagemaker_local.logs.log_file import LogEvent, LogFile

BATCH_LINES = 100
"""How many lines of a log are matched at once."""


class Progress:
    """The values of one metric in a growing log file."""

    def __init__(self, log: Path, matcher: Matcher) -> None:
        self._log = log
        self._matcher = matcher
        self._read = 0
        self.values: list[float] = []

    def follow(self) -> int:
        """Read new complete lines. Returns how many values there were before."""
        before = len(self.values)
        events = takewhile(lambda event: event.is_complete, LogFile(self._log).events(self._read))
        while batch := list(islice(events, BATCH_LINES)):
            self._match(batch)
        return before

    def close(self) -> None:
        self._matcher.close()

    def _match(self, events: Sequence[LogEvent]) -> None:
        self._read = events[-1].end
        matches, _ = self._matcher.search([event.message for event in events])
        self.values.extend(match.value for match in matches)


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
