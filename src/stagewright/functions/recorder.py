"""The recorder: closes the run of an execution that has ended. EventBridge's rule `run-status` invokes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stagewright.functions import environment
from stagewright.runs.closing import record_end


def handler(event: Mapping[str, Any], context: Any) -> dict[str, str]:
    """Handle one *Step Functions Execution Status Change* event."""
    status = record_end(environment.runtime(context), event["detail"]["executionArn"])
    return {"status": status or "unchanged"}
