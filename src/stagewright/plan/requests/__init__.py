"""From a stage and the values it refers to, the exact AWS requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from stagewright.errors import PlanError, Problem
from stagewright.plan.requests import endpoint, gate, processing, register, training
from stagewright.plan.requests.setting import Request, Requests, Setting
from stagewright.spec.kinds import AnyStage, Endpoint, Gate, Processing, Register, Training
from stagewright.spec.references import Reference, whole

__all__ = ["Request", "Requests", "Setting", "build", "is_package", "merged"]

MAIN: Mapping[str, str] = {
    "processing": "CreateProcessingJob",
    "training": "CreateTrainingJob",
    "register": "CreateModelPackage",
}
"""Kind -> the operation that `request:` is merged into unless it names operations itself."""


def build(
    stage: AnyStage, setting: Setting, lookup: Callable[[Reference], Any], package: bool = False
) -> Requests:
    """Requests of a stage whose references are rendered (a gate's excepted), `request:` merged last.

    PlanError when `request:` does not say which of several operations it is for.
    """
    match stage:
        case Processing():
            requests = processing.requests(stage, setting)
        case Training():
            requests = training.requests(stage, setting)
        case Gate():
            requests = gate.requests(stage, lookup)
        case Register():
            requests = register.requests(stage, setting)
        case Endpoint():
            requests = endpoint.requests(stage, setting, package)
    return _overridden(requests, stage, setting.stage) if stage.request else requests


def is_package(model: str) -> bool:
    """Whether an endpoint's `model`, as the document has it, is a model package and not an artefact."""
    reference = whole(model)
    return reference.path[-1] == "package" if reference else model.startswith("arn:")


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
    if not requests.keys() >= changes.keys():
        if stage.kind not in MAIN:
            remedy = f"put the fields under {', '.join(requests)}"
            raise PlanError((Problem(f"stages.{name}.request", "fields of no operation", remedy),))
        changes = {MAIN[stage.kind]: changes}
    return {operation: merged(request, changes.get(operation, {})) for operation, request in requests.items()}
