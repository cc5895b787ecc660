"""The smoke test: sends one request to a new version of an endpoint. The state machine invokes it.

Step Functions cannot send the request itself: its AWS SDK integrations encode a text as JSON, so that the
model would read `"1,2"` with the quotes (docs/adr/0125-send-the-smoke-test-from-a-function.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stagewright.functions import environment
from stagewright.runs.endpoints import smoke_check


def handler(event: Mapping[str, Any], context: Any) -> dict[str, str]:
    """Test `endpoint` with the settings `test`. `failure` of the response is empty if the test passes."""
    gateway = environment.gateway(environment.installation(context))
    return {"failure": smoke_check.failure(gateway, event["endpoint"], event["test"])}
