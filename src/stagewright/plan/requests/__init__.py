"""From a stage and the values it refers to, the exact AWS requests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stagewright.errors import PlanError, Problem
from stagewright.plan.requests import (
    approval,
    endpoint,
    function,
    gate,
    glue,
    model,
    processing,
    register,
    training,
    transform,
    tuning,
)
from stagewright.plan.requests.kind import Kind
from stagewright.plan.requests.setting import Request, Requests, Setting
from stagewright.spec.kinds import AnyStage

__all__ = ["KINDS", "OURS", "Kind", "Request", "Requests", "Setting", "build", "merged"]

KINDS: Mapping[str, Kind] = {
    "processing": processing.KIND,
    "training": training.KIND,
    "tuning": tuning.KIND,
    "model": model.KIND,
    "register": register.KIND,
    "approval": approval.KIND,
    "gate": gate.KIND,
    "transform": transform.KIND,
    "endpoint": endpoint.KIND,
    "lambda": function.KIND,
    "glue": glue.KIND,
}
"""The value of `kind` -> what planning knows of it."""

OURS = frozenset(("Approval", "Endpoint", "Gate", "Invoke"))
"""Requests that are no operations of AWS's: what the state machine itself reads."""


def build(stage: AnyStage, setting: Setting) -> Requests:
    """Requests of a stage whose references are rendered (a gate's excepted), `request:` merged last.

    PlanError when `request:` does not say which of several operations it is for.
    """
    requests = KINDS[stage.kind].requests(stage, setting)
    return _overridden(requests, stage, setting.stage) if stage.request else requests


def merged(base: Any, changes: Any) -> Any:
    """`changes` over `base`: objects entry by entry, lists and all else as a whole."""
    if not isinstance(base, Mapping) or not isinstance(changes, Mapping):
        return changes
    return {
        **base,
        **{key: merged(base[key], value) if key in base else value for key, value in changes.items()},
    }


def _overridden(requests: Requests, stage: AnyStage, name: str) -> Requests:
    changes = stage.request
    operations = [operation for operation in requests if operation not in OURS]
    if not set(operations) >= changes.keys():
        main = KINDS[stage.kind].main
        if not main:
            remedy = f"put the fields under {', '.join(operations)}"
            raise PlanError((Problem(f"stages.{name}.request", "fields of no operation", remedy),))
        changes = {main: changes}
    return {operation: merged(request, changes.get(operation, {})) for operation, request in requests.items()}
