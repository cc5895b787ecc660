"""Invoke: a Lambda function that is there, and what it gets. Its code belongs to no stage, so a new version
of it does not make the stage run again: `cache: false` does."""

from __future__ import annotations

from stagewright.stages.base.request import BuildContext, Requests
from stagewright.stages.base.stage_request import StageRequest
from stagewright.stages.lambda_function.schema import Function


def build(stage: Function, _context: BuildContext) -> Requests:
    """The arguments of Step Functions' `lambda:invoke`. The payload is the document's alone."""
    return {"Invoke": {"FunctionName": stage.function, "Payload": stage.payload}}


REQUEST = StageRequest(
    build,
    lambda stage, _requests: stage.max_runtime_seconds,
    history_events=14,
    machine_inputs=("Invoke",),
    field_names=(
        (r"Invoke\.FunctionName", "function"),
        (r"Invoke\.Payload\.(.+)", r"payload.\1"),
    ),
)
