"""What a function knows about itself: from its environment and its own ARN, at the first event."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from stagewright.errors import TargetError
from stagewright.gateway import Gateway
from stagewright.naming import Installation


def installation(context: Any) -> Installation:
    """Of Lambda's `context` only `invoked_function_arn` is read: arn:aws:lambda:<region>:<account>:..."""
    parts = str(getattr(context, "invoked_function_arn", "")).split(":")
    _, partition, _, region, account = parts[:5] if len(parts) > 5 else ("", "aws", "", "", "")
    return Installation(
        bucket=_required("STAGEWRIGHT_BUCKET"),
        region=os.environ.get("AWS_REGION") or region or _required("AWS_REGION"),
        account=os.environ.get("STAGEWRIGHT_ACCOUNT") or account or _required("STAGEWRIGHT_ACCOUNT"),
        environment=_required("STAGEWRIGHT_ENVIRONMENT"),
        prefix=os.environ.get("STAGEWRIGHT_PREFIX") or "stagewright",
        partition=partition,
    )


@cache
def gateway(place: Installation) -> Gateway:
    """One per function instance: its connections are kept from event to event."""
    return Gateway.connect(place)


def _required(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise TargetError(f"{name} is not set", "set it in the function's environment")
    return value
