"""Settings of a step that are not part of its request: order, cache and retries."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from stagewright.migration.converted import Note, Stage
from stagewright.migration.pipelines.definition import STEP_KEYS, Step
from stagewright.migration.pipelines.expressions import Expressions

MOST_ATTEMPTS = 10
JOB_FAILED = "SageMaker.JOB_INTERNAL_ERROR"
"""The only exception of a retry policy that the state machine does not retry by itself."""
_ISO = re.compile(r"P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?", re.IGNORECASE)
_SHORT = re.compile(r"(\d+)([smhdw])")
UNITS = (604_800, 86_400, 3_600, 60, 1)


def settings(of: Expressions, step: Step, notes: list[Note]) -> Stage:
    """`after`, `cache`, `retry` and `description`. Unknown keys of the step are problems."""
    for key in sorted(step.data.keys() - STEP_KEYS):
        of.refuse(f"{step.path}.{key}", "this key of a step has no counterpart", "leave it out")
    description = step.data.get("Description") or step.data.get("DisplayName")
    stage: Stage = {"description": str(description)} if description else {}
    return stage | _cache(of, step) | _retry(step, notes)


def after(of: Expressions, step: Step, stages: Mapping[str, tuple[str, ...]]) -> list[str]:
    """The stages of DependsOn. `stages`: step -> its stages, several for a Condition step."""
    names: list[str] = []
    for item in step.data.get("DependsOn") or []:
        name = item.get("Step") if isinstance(item, dict) else item
        if isinstance(item, dict) and item.get("Trigger") not in (None, "Succeeded"):
            message = f"runs when {name} is {item.get('Trigger')}"
            of.refuse(f"{step.path}.DependsOn", message, "send a notice for failures instead")
        elif not isinstance(name, str) or name not in of.definition.steps:
            of.refuse(f"{step.path}.DependsOn", f"{name} is not a step of the definition", "correct it")
        else:
            names += stages.get(name, ())
    return names


def _cache(of: Expressions, step: Step) -> Stage:
    config = step.data.get("CacheConfig") or {}
    if config and not config.get("Enabled"):
        return {"cache": False}
    expires = config.get("ExpireAfter")
    if not expires:
        return {}
    seconds = _seconds(str(expires))
    if not seconds:
        of.refuse(f"{step.path}.CacheConfig.ExpireAfter", f"{expires} is no duration", "write P30D")
        return {}
    return {"cache": {"max_age": _duration(seconds)}}


def _seconds(text: str) -> int:
    """An ISO 8601 duration in seconds, also in the short form 30d and P30d of AWS's examples. 0: neither."""
    if match := _SHORT.fullmatch(text.lower()):
        return int(match[1]) * dict(zip("wdhms", UNITS, strict=True))[match[2]]
    match = _ISO.fullmatch(text)
    return (
        sum(int(part or 0) * unit for part, unit in zip(match.groups(), UNITS, strict=True)) if match else 0
    )


def _duration(seconds: int) -> str:
    units = zip((86_400, 3_600, 60, 1), "dhms", strict=True)
    return next(f"{seconds // unit}{letter}" for unit, letter in units if seconds % unit == 0)


def _retry(step: Step, notes: list[Note]) -> Stage:
    stage: Stage = {}
    for policy in step.data.get("RetryPolicies") or []:
        kinds: Any = policy.get("ExceptionType") or []
        kinds = [kinds] if isinstance(kinds, str) else kinds
        path = f"{step.path}.RetryPolicies"
        if JOB_FAILED in kinds:
            attempts = min(int(policy.get("MaxAttempts") or MOST_ATTEMPTS - 1) + 1, MOST_ATTEMPTS)
            wait = max(int(policy.get("IntervalSeconds") or 1), 1)
            stage = {"retry": {"attempts": max(attempts, 2), "wait": f"{wait}s"}}
            notes.append(Note(path, f"{JOB_FAILED} became `retry`, which retries every failure of the job"))
        if others := [kind for kind in kinds if kind != JOB_FAILED]:
            notes.append(Note(path, f"{', '.join(others)} dropped: the state machine retries these itself"))
    return stage
