"""From a stage and the values it refers to, the exact AWS requests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from stagewright.errors import PlanError, Problem
from stagewright.stages.approval import request as approval
from stagewright.stages.approval.rules import _approval
from stagewright.stages.approval.schema import Approval
from stagewright.stages.base import limits
from stagewright.stages.base.kind import Kind
from stagewright.stages.base.request import Requests, Setting, merged
from stagewright.stages.base.rules import _code, _requestless
from stagewright.stages.base.schema import Serving, Stage
from stagewright.stages.endpoint import request as endpoint
from stagewright.stages.endpoint.rules import _endpoint
from stagewright.stages.endpoint.schema import Endpoint
from stagewright.stages.gate import request as gate
from stagewright.stages.gate.schema import Gate
from stagewright.stages.glue import request as glue
from stagewright.stages.glue.rules import _glue
from stagewright.stages.glue.schema import Glue
from stagewright.stages.lambda_function import request as function
from stagewright.stages.lambda_function.schema import Function
from stagewright.stages.model import request as model
from stagewright.stages.model.rules import _model
from stagewright.stages.model.schema import ModelStage
from stagewright.stages.processing import request as processing
from stagewright.stages.processing.rules import _processing
from stagewright.stages.processing.schema import Processing
from stagewright.stages.register import request as register
from stagewright.stages.register.rules import _register
from stagewright.stages.register.schema import Register
from stagewright.stages.registry_schemas import AnyStage
from stagewright.stages.training import request as training
from stagewright.stages.training.rules import _training
from stagewright.stages.training.schema import Training, Trains
from stagewright.stages.transform import request as transform
from stagewright.stages.transform.rules import _transform
from stagewright.stages.transform.schema import Transform
from stagewright.stages.tuning import request as tuning
from stagewright.stages.tuning.rules import _tuning
from stagewright.stages.tuning.schema import Tuning
from stagewright.syntax.findings import Finding, Path

if TYPE_CHECKING:
    from stagewright.document.pipeline import Pipeline

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


def stage_rules(pipeline: Pipeline, name: str) -> Iterator[Finding]:
    """All that is wrong within the stage `name`, references aside."""
    stage, path = pipeline.stages[name], ("stages", name)
    yield from _RULES[type(stage)](stage, pipeline, path)
    if isinstance(stage, Serving):
        yield from _code(stage.entry_point, stage.include, (*path, "entry_point"))
    if isinstance(stage, Processing | Trains | Serving):
        yield from limits.environment(stage, pipeline.defaults, (*path, "environment"))


_RULES: Mapping[type[Stage], Callable[[Any, Pipeline, Path], Iterator[Finding]]] = {
    Processing: _processing,
    Training: _training,
    Tuning: _tuning,
    ModelStage: _model,
    Register: _register,
    Approval: _approval,
    Gate: _requestless,
    Transform: _transform,
    Endpoint: _endpoint,
    Function: _requestless,
    Glue: _glue,
}
