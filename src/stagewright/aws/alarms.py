"""Amazon CloudWatch alarms of endpoints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from stagewright.aws.errors import translate_errors

NAMES_PER_CALL = 100
"""Names of one DeleteAlarms or DescribeAlarms (CloudWatch API reference)."""


@dataclass(frozen=True)
class Alarms:
    """Reads the states of alarms, and deletes alarms."""

    client: Any

    def delete(self, names: Sequence[str]) -> None:
        """Delete alarms. Calls DeleteAlarms, which ignores names that do not exist (API reference)."""
        for batch in _batches(names):
            with translate_errors("cloudwatch", f"the alarms {', '.join(batch)}"):
                self.client.delete_alarms(AlarmNames=batch)

    def states(self, names: Sequence[str]) -> dict[str, str]:
        """Return name -> OK, ALARM or INSUFFICIENT_DATA of the alarms that exist. Calls DescribeAlarms."""
        states: dict[str, str] = {}
        for batch in _batches(names):
            with translate_errors("cloudwatch", f"the alarms {', '.join(batch)}"):
                answer = self.client.describe_alarms(AlarmNames=batch, MaxRecords=NAMES_PER_CALL)
            states |= {alarm["AlarmName"]: alarm["StateValue"] for alarm in answer["MetricAlarms"]}
        return states


def _batches(names: Sequence[str]) -> Iterator[list[str]]:
    return (list(names[start : start + NAMES_PER_CALL]) for start in range(0, len(names), NAMES_PER_CALL))
