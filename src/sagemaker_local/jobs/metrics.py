"""Metrics of a training job, matched in its log by regular expressions."""

from __future__ import annotations

import math
import re
from typing import Any

from sagemaker_local.api.protocol import invalid
from sagemaker_local.resource import now


class Metrics:
    """The last value of each metric, for FinalMetricDataList. `definitions` are MetricDefinitions."""

    def __init__(self, definitions: list[dict[str, str]]) -> None:
        self._patterns = [(item["Name"], compile_metric(item["Name"], item["Regex"])) for item in definitions]
        self._last: dict[str, dict[str, Any]] = {}

    def observe(self, line: str) -> None:
        """Record the first group of the first match in the line, if it is a finite number."""
        for name, pattern in self._patterns:
            if (value := value_in(pattern, line)) is not None:
                self._last[name] = {"MetricName": name, "Value": value, "Timestamp": now()}

    @property
    def final(self) -> list[dict[str, Any]]:
        return list(self._last.values())


def value_in(pattern: re.Pattern[str], line: str) -> float | None:
    match = pattern.search(line)
    return _number(match.group(1)) if match and pattern.groups else None


def compile_metric(name: str, pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise invalid(f"The regular expression of metric {name} is not valid: {error}") from error


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None
