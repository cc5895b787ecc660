"""Invoke: a Lambda function that is there, and what it gets. Its code belongs to no stage, so a new version
of it does not make the stage run again: `cache: false` does."""

from __future__ import annotations

from stagewright.stages.base.kind import Kind
from stagewright.stages.base.request import Requests, Setting
from stagewright.stages.lambda_function.schema import Function


def requests(stage: Function, _setting: Setting) -> Requests:
    """The arguments of Step Functions' `lambda:invoke`. The payload is the document's alone."""
    return {"Invoke": {"FunctionName": stage.function, "Payload": stage.payload}}


KIND = Kind(requests, lambda stage, _requests: stage.max_runtime_seconds)
