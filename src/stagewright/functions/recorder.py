"""The end of an execution becomes the end of its run: the function behind the rule `run-status`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stagewright.functions import environment
from stagewright.runs.closing import record


def handler(event: Mapping[str, Any], context: Any) -> dict[str, str]:
    """For *Step Functions Execution Status Change* events, straight from EventBridge."""
    place = environment.installation(context)
    status = record(environment.gateway(place), event["detail"]["executionArn"])
    return {"status": status or "unchanged"}
