"""The stage kinds, one row each. The only module that names them.

A new kind is a folder with `schema`, `rules`, `request` and `states`, and a row here. The last three modules
are imported at first use, so that no process imports more of a kind than it needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, Union

from pydantic import Field

from stagewright.errors import PlanError, Problem
from stagewright.stages.approval.schema import Approval
from stagewright.stages.base import request_changes
from stagewright.stages.base.request import BuildContext, Requests
from stagewright.stages.base.rules import RuleContext
from stagewright.stages.base.schema import Stage
from stagewright.stages.callback.schema import Callback
from stagewright.stages.endpoint.schema import Endpoint
from stagewright.stages.gate.schema import Gate
from stagewright.stages.glue.schema import Glue
from stagewright.stages.lambda_function.schema import Function
from stagewright.stages.model.schema import ModelStage
from stagewright.stages.processing.schema import Processing
from stagewright.stages.register.schema import Register
from stagewright.stages.training.schema import Training
from stagewright.stages.transform.schema import Transform
from stagewright.stages.tuning.schema import Tuning
from stagewright.syntax.findings import Finding, Path

if TYPE_CHECKING:
    from stagewright.stages.base.stage_request import StageRequest

Rules = Callable[[Any, RuleContext, Path], Iterator[Finding]]


@dataclass(frozen=True)
class Kind:
    """One stage kind: the value of `kind` in a document, its schema, and the package with its modules."""

    name: str
    schema: type[Stage]
    package: str

    @property
    def has_job(self) -> bool:
        """Whether a service job does the work of the kind's stages."""
        return self.schema.job_service != "none"

    @property
    def has_log(self) -> bool:
        """Whether the work of the kind's stages writes a log."""
        return bool(self.schema.logs)

    @cached_property
    def rules(self) -> Rules:
        """Finds what is wrong within a stage: (stage, context, path) -> findings."""
        rules: Rules = self._module("rules").rules
        return rules

    @cached_property
    def request(self) -> StageRequest:
        """How the kind is planned."""
        request: StageRequest = self._module("request").REQUEST
        return request

    @cached_property
    def states(self) -> tuple[Any, ...]:
        """The kind's states: `base.states.Entry` values. (No import of the type: Lambda has no states.)"""
        states: tuple[Any, ...] = self._module("states").STATES
        return states

    @property
    def permissions(self) -> Mapping[str, tuple[str, ...]]:
        """Statement of the state machine's role -> IAM actions that the kind's states need there."""
        permissions: Mapping[str, tuple[str, ...]] = self._module("states").PERMISSIONS
        return permissions

    def _module(self, aspect: str) -> Any:
        return import_module(f"stagewright.stages.{self.package}.{aspect}")


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("processing", Processing, "processing"),
        Kind("training", Training, "training"),
        Kind("tuning", Tuning, "tuning"),
        Kind("model", ModelStage, "model"),
        Kind("register", Register, "register"),
        Kind("approval", Approval, "approval"),
        Kind("gate", Gate, "gate"),
        Kind("transform", Transform, "transform"),
        Kind("endpoint", Endpoint, "endpoint"),
        Kind("lambda", Function, "lambda_function"),
        Kind("callback", Callback, "callback"),
        Kind("glue", Glue, "glue"),
    )
}
"""The value of `kind` -> the kind."""


def recorded_kind(name: str) -> Kind:
    """Return the kind of a recorded stage.

    Another version of Stagewright may have recorded a kind that this version does not have. The result is
    then a kind without a job and without a log, so that the record stays readable.
    """
    return KINDS.get(name) or Kind(name, Stage, "")


if TYPE_CHECKING:
    AnyStage = Stage
else:
    AnyStage = Annotated[Union[tuple(kind.schema for kind in KINDS.values())], Field(discriminator="kind")]  # noqa: UP007


def stage_rules(stage: AnyStage, context: RuleContext, path: Path) -> Iterator[Finding]:
    """Findings within one stage, except those about its references."""
    return KINDS[stage.kind].rules(stage, context, path)


def build(stage: AnyStage, context: BuildContext) -> Requests:
    """The requests of a stage, with the settings of its jobs, and with `request:` merged last.

    The stage's references are rendered, except those in conditions. PlanError if the stage makes several
    requests and `request:` does not name the operation that its fields belong to.
    """
    requests = context.jobs.applied(KINDS[stage.kind].request.build(stage, context))
    return _with_changes(requests, stage, context.stage) if stage.request else requests


def _with_changes(requests: Requests, stage: AnyStage, name: str) -> Requests:
    kind, changes, path = KINDS[stage.kind].request, stage.request, f"stages.{name}.request"
    operations = [operation for operation in requests if operation not in kind.machine_inputs]
    by_operation = set(operations) >= changes.keys()
    if not by_operation and not kind.operation:
        remedy = f"put the fields under {', '.join(operations)}"
        raise PlanError((Problem(path, "unknown operation for these fields", remedy),))
    changed = dict(requests)
    found: list[Problem] = []
    for operation, fields in (changes if by_operation else {kind.operation: changes}).items():
        changed[operation] = request_changes.merged(requests[operation], fields)
        where = f"{path}.{operation}" if by_operation else path
        found += request_changes.problems(requests[operation], changed[operation], where)
    if found:
        raise PlanError(tuple(found))
    return changed
