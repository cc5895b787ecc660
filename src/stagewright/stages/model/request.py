"""CreateModel."""

from __future__ import annotations

from typing import Any

from stagewright.errors import PlanError, Problem
from stagewright.stages.base.kind import Kind
from stagewright.stages.base.request import Request, Requests, Setting, without_empty
from stagewright.stages.model.schema import ModelStage

TIMEOUT = 60


def requests(stage: ModelStage, setting: Setting) -> Requests:
    """A model with a name of its own in each run, since nothing of a model can be changed."""
    return {"CreateModel": request(stage.model, stage.entry_point, setting)}


def request(model: str, script: str | None, setting: Setting) -> Request:
    """A model of one container, named like the stage's job; `model` is a model package or an artifact."""
    return {
        "ModelName": setting.job,
        "PrimaryContainer": _container(model, script, setting),
        "ExecutionRoleArn": setting.installation.job_role_arn,
        "Tags": setting.tag_list(),
    }


def _container(model: str, script: str | None, setting: Setting) -> dict[str, Any]:
    environment = setting.serving_environment(script)
    if setting.served == "package" and not model:
        message = "no model package: what started this run names none"
        remedy = "${trigger.package} is for runs that a model-approved trigger starts"
        raise PlanError((Problem(f"stages.{setting.stage}.model", message, remedy),))
    if setting.served == "package":
        return without_empty({"ModelPackageName": model, "Environment": environment})
    return without_empty({"Image": setting.image, "ModelDataUrl": model, "Environment": environment})


KIND = Kind(requests, lambda _stage, _requests: TIMEOUT, main="CreateModel", image="inference", points=True)
