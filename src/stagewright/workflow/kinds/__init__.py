"""The kinds of stage that the machine knows: for each, when it applies, where it starts, and its states."""

from __future__ import annotations

from stagewright.workflow.kinds import (
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
from stagewright.workflow.kinds.kind import Kind

KINDS: tuple[Kind, ...] = (
    *processing.KINDS,
    training.KIND,
    tuning.KIND,
    gate.KIND,
    model.KIND,
    register.KIND,
    *approval.KINDS,
    *transform.KINDS,
    endpoint.KIND,
    function.KIND,
    *glue.KINDS,
)

__all__ = ["KINDS", "Kind"]
