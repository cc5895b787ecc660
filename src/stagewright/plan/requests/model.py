"""CreateModel."""

from __future__ import annotations

from typing import Any

from stagewright.plan.requests.setting import Request, Setting, without_empty


def request(model: str, script: str | None, setting: Setting) -> Request:
    """A model of one container, named like the stage's job; `model` is a model package or an artefact."""
    return {
        "ModelName": setting.job,
        "PrimaryContainer": _container(model, script, setting),
        "ExecutionRoleArn": setting.installation.job_role_arn,
        "Tags": setting.tag_list(),
    }


def _container(model: str, script: str | None, setting: Setting) -> dict[str, Any]:
    environment = setting.serving_environment(script)
    if setting.served == "package":
        return without_empty({"ModelPackageName": model, "Environment": environment})
    return without_empty({"Image": setting.image, "ModelDataUrl": model, "Environment": environment})
