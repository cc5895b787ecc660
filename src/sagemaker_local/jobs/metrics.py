"""Metrics of a training job, matched in its log by regular expressions."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

from sagemaker_local.jobs.matcher import MISSES, SECONDS, Matcher
from sagemaker_local.resource import now

BATCH_CHARACTERS = 64 * 1024
"""Lines are matched in batches, because each exchange with the matching process takes time."""


class Metrics:
    """The last value of each metric, for FinalMetricDataList. `definitions` are MetricDefinitions.

    `warn` gets a text for each metric that is not recorded. Thread-safe.
    """

    def __init__(self, definitions: list[dict[str, str]], warn: Callable[[str], None]) -> None:
        self._definitions = definitions
        self._warn = warn
        self._matcher = Matcher([item["Regex"] for item in definitions])
        self._lock = threading.Lock()
        self._lines: list[tuple[str, float]] = []
        self._characters = 0
        self._last: dict[str, dict[str, Any]] = {}
        self._skipped: Counter[int] = Counter()

    def observe(self, line: str) -> None:
        """Record the first group of the first match in the line, if it is a finite number."""
        if not self._definitions:
            return
        with self._lock:
            if not self._lines:
                self._matcher.start()
            self._lines.append((line, now()))
            self._characters += len(line)
            if self._characters >= BATCH_CHARACTERS:
                self._match()

    @property
    def final(self) -> list[dict[str, Any]]:
        with self._lock:
            self._match()
            return list(self._last.values())

    def kill(self) -> None:
        """End a search that another thread waits for. Its metrics are not recorded any more."""
        self._matcher.kill()

    def close(self) -> None:
        self._matcher.close()

    def _match(self) -> None:
        lines, self._lines, self._characters = self._lines, [], 0
        if not lines:
            return
        matches, skipped = self._matcher.search([line for line, _ in lines])
        for line, index, value in matches:
            name = self._definitions[index]["Name"]
            self._last[name] = {"MetricName": name, "Value": value, "Timestamp": lines[line][1]}
        for index in skipped:
            self._skipped[index] += 1
            if self._skipped[index] in (1, MISSES):
                self._warn(_too_slow(index, self._definitions[index], self._skipped[index]))


def _too_slow(index: int, definition: dict[str, str], count: int) -> str:
    effect = "is not recorded from here on" if count == MISSES else "was not looked for in a line"
    return (
        f"WARNING: metric {definition['Name']} {effect}, because its regular expression takes more than"
        f" {SECONDS:g} s: {definition['Regex']!r} (AlgorithmSpecification.MetricDefinitions[{index}].Regex);"
        " use no repetition or | within a repetition"
    )
