"""The request of model stages: CreateModel. Transform and endpoint stages use it too."""

from __future__ import annotations

from typing import Any

from stagewright.errors import PlanError, Problem
from stagewright.stages.base.request import BuildContext, Request, Requests, without_empty
from stagewright.stages.base.stage_request import StageRequest
from stagewright.stages.model.schema import ModelStage

TIMEOUT = 60


def build(stage: ModelStage, context: BuildContext) -> Requests:
    """Return the request for a model. Each run creates a new one, because models cannot be updated."""
    return {"CreateModel": request(stage.model, stage.entry_point, context)}


def request(model: str, script: str | None, context: BuildContext) -> Request:
    """Return the request for a model of one container, named after the stage's job.

    `model` is a model package or an artifact. PlanError if the trigger has no model package.
    """
    return {
        "ModelName": context.job,
        "PrimaryContainer": _container(model, script, context),
        "ExecutionRoleArn": context.installation.job_role_arn,
        "Tags": context.tag_list(),
    }


def _container(model: str, script: str | None, context: BuildContext) -> dict[str, Any]:
    environment = context.serving_environment(script)
    if context.served == "package" and not model:
        message = "no model package: the trigger of this run has none"
        remedy = "only a model-approved trigger sets ${trigger.package}"
        raise PlanError((Problem(f"stages.{context.stage}.model", message, remedy),))
    if context.served == "package":
        return without_empty({"ModelPackageName": model, "Environment": environment})
    return without_empty({"Image": context.image, "ModelDataUrl": model, "Environment": environment})


FIELD_NAMES = ((r"CreateModel\.PrimaryContainer\.(?:ModelDataUrl|ModelPackageName)", "model"),)
REQUEST = StageRequest(
    build,
    lambda _stage, _requests: TIMEOUT,
    history_events=26,
    operation="CreateModel",
    image="inference",
    is_pointer=True,
    field_names=FIELD_NAMES,
)
