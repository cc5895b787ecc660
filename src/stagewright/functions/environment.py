"""The runtime of a function, from its environment variables and its ARN."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from aws_lambda_powertools import Logger

from stagewright.errors import TargetError
from stagewright.gateway import Gateway
from stagewright.naming import Installation
from stagewright.runs.settings import Runtime
from stagewright.stages.base.job_settings import JobSettings

DEFINITION = Path(__file__).with_name("definition.sha256")
"""SHA-256 of the state machine's definition that this code was built with. Only the archive has the file."""


def require_one_version() -> None:
    """Raise TargetError while an update has replaced the function's settings, but not yet its code.

    Terraform updates both with one call each, some seconds apart. The settings name the version of the state
    machine that new plans are made for, so the code must be the code that was built with its definition.
    """
    built_with = DEFINITION.read_text() if DEFINITION.exists() else ""
    if built_with != os.environ.get("STAGEWRIGHT_DEFINITION", ""):
        raise TargetError(
            "the function's code and its settings are of two versions: an update is under way",
            "wait until it has finished; if it failed, apply it again",
        )


def runtime(context: Any) -> Runtime:
    """The runtime for an invocation. `context`: Lambda's; only `invoked_function_arn` is read.

    TargetError: a required environment variable is not set.
    """
    return runtime_of(gateway(installation(context)))


def runtime_of(gateway: Gateway) -> Runtime:
    """Add the function's settings to a gateway. By default, code overrides and bypasses are not allowed."""
    return Runtime(
        gateway,
        allow_code_overrides=os.environ.get("STAGEWRIGHT_CODE_OVERRIDES") == "yes",
        topic=os.environ.get("STAGEWRIGHT_TOPIC", ""),
        bypass=_bypass(os.environ.get("STAGEWRIGHT_BYPASS", "")),
        log=logger(),
        four_eyes=os.environ.get("STAGEWRIGHT_FOUR_EYES") == "yes",
        jobs=JobSettings.from_json(os.environ.get("STAGEWRIGHT_JOBS", "")),
    )


def installation(context: Any) -> Installation:
    """The function's ARN is arn:<partition>:lambda:<region>:<account>:function:<name>."""
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
def gateway(installation: Installation) -> Gateway:
    """One gateway per function instance, so that invocations share its connections."""
    version = os.environ.get("STAGEWRIGHT_STATE_MACHINE", "")
    return replace(Gateway.connect(installation), machine_version=version)


@cache
def logger() -> Logger:
    """JSON lines on stdout. Powertools reads POWERTOOLS_SERVICE_NAME and POWERTOOLS_LOG_LEVEL."""
    return Logger()


def _bypass(text: str) -> dict[str, str]:
    """Parse `<id>=<name>,...`, or `*`."""
    entries = (entry.strip().partition("=") for entry in text.split(","))
    return {role: name or role for role, _, name in entries if role}


def _required(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise TargetError(f"{name} is not set", "set it in the function's environment")
    return value
