"""CloudWatch alarms of endpoints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from stagewright.aws.errors import translated

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

    def states(self, names: Sequence[str]) -> dict[str, str]:
        """Name -> OK, ALARM or INSUFFICIENT_DATA of those that are there."""
        found: dict[str, str] = {}
        for batch in _batches(names):
            with translated("cloudwatch", f"the alarms {', '.join(batch)}"):
                answer = self.client.describe_alarms(AlarmNames=batch)
            found |= {alarm["AlarmName"]: alarm["StateValue"] for alarm in answer["MetricAlarms"]}
        return found


def _batches(names: Sequence[str]) -> Iterator[list[str]]:
    return (list(names[start : start + AT_ONCE]) for start in range(0, len(names), AT_ONCE))
