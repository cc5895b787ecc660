"""CloudWatch alarms of endpoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from stagewright.run.gateway.failures import translated


@dataclass(frozen=True)
class Alarms:
    client: Any

    def delete(self, names: Sequence[str]) -> None:
        """Those that are not there do not matter (API reference, DeleteAlarms: it succeeds). At most ten, as
        a stage has."""
        if names:
            with translated("cloudwatch", f"the alarms {', '.join(names)}"):
                self.client.delete_alarms(AlarmNames=list(names))
