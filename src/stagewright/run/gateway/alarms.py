"""CloudWatch alarms of endpoints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from stagewright.run.gateway.failures import translated

AT_ONCE = 100
"""Names of one DeleteAlarms or DescribeAlarms (API reference of CloudWatch)."""


@dataclass(frozen=True)
class Alarms:
    client: Any

    def delete(self, names: Sequence[str]) -> None:
        """Those that are not there do not matter (API reference, DeleteAlarms: it succeeds)."""
        for batch in _batches(names):
            with translated("cloudwatch", f"the alarms {', '.join(batch)}"):
                self.client.delete_alarms(AlarmNames=batch)

    def tripped(self, names: Sequence[str]) -> list[str]:
        """Those in state ALARM now."""
        return [alarm["AlarmName"] for alarm in self._described(names) if alarm["StateValue"] == "ALARM"]

    def missing(self, names: Sequence[str]) -> list[str]:
        """Those that nobody has made, or somebody has deleted."""
        there = {alarm["AlarmName"] for alarm in self._described(names)}
        return [name for name in names if name not in there]

    def _described(self, names: Sequence[str]) -> Iterator[dict[str, Any]]:
        for batch in _batches(names):
            with translated("cloudwatch", f"the alarms {', '.join(batch)}"):
                yield from self.client.describe_alarms(AlarmNames=batch)["MetricAlarms"]


def _batches(names: Sequence[str]) -> Iterator[list[str]]:
    return (list(names[start : start + AT_ONCE]) for start in range(0, len(names), AT_ONCE))
