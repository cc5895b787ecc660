"""What a function knows about itself: from its environment and its own ARN, at the first event."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger

from stagewright.errors import TargetError
from stagewright.naming import Installation
from stagewright.run.gateway import Gateway


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


def topic() -> str:
    """ARN of the topic for notices; empty where nobody is to be told."""
    return os.environ.get("STAGEWRIGHT_TOPIC", "")


def code_overrides() -> bool:
    """Whether overrides may change what runs, not only how. No, unless the installation says yes."""
    return os.environ.get("STAGEWRIGHT_CODE_OVERRIDES") == "yes"


@cache
def gateway(place: Installation) -> Gateway:
    """One per function instance: its connections are kept from event to event."""
    return Gateway.connect(place)


@cache
def logger() -> Logger:
    """JSON lines on stdout; service and level from POWERTOOLS_SERVICE_NAME and POWERTOOLS_LOG_LEVEL."""
    return Logger()


def _required(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise TargetError(f"{name} is not set", "set it in the function's environment")
    return value
