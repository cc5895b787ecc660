"""."""

from __future__ import annotations

import os
from functools import cache

from aws_lambda_powertools import Logger


def topic() -> str:
    """ARN of the topic for notices; empty where nobody is to be told."""
    return os.environ.get("STAGEWRIGHT_TOPIC", "")


def code_overrides() -> bool:
    """Whether overrides may change what runs, not only how. No, unless the installation says yes."""
    return os.environ.get("STAGEWRIGHT_CODE_OVERRIDES") == "yes"


@cache
def logger() -> Logger:
    """JSON lines on stdout; service and level from POWERTOOLS_SERVICE_NAME and POWERTOOLS_LOG_LEVEL."""
    return Logger()
