"""Early stopping of training jobs: TrainingJobEarlyStoppingType Auto.

After each epoch the objective is compared with the median of the running averages of the previous training
jobs up to the same epoch ("Stop Training Jobs Early", developer guide). An epoch is a log line that the
metric's expression matches.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from statistics import fmean, median

from sagemaker_local.jobs.matcher import Matcher

CHUNK_BYTES = 1 << 20
"""How much of a log is read at once. No line of a log is longer (host_process.py)."""


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
        if self._log.is_file():
            with self._log.open("rb") as file:
                file.seek(self._read)
                while lines := file.readlines(CHUNK_BYTES):
                    complete = [line for line in lines if line.endswith(b"\n")]
                    self._match(b"".join(complete))
                    if len(complete) < len(lines):
                        break
        return before

    def close(self) -> None:
        self._matcher.close()

    def _match(self, text: bytes) -> None:
        self._read += len(text)
        matches, _ = self._matcher.search(text.decode("utf-8", "replace").splitlines())
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
