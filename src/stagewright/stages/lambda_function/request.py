"""The request of lambda stages: the function and its event.

The function's code is not an input of the stage. To call a new version of it, set `cache: false`.
"""

from __future__ import annotations

from stagewright.stages.base.request import BuildContext, Requests
from stagewright.stages.base.stage_request import StageRequest
from stagewright.stages.lambda_function.schema import Function


def build(stage: Function, _context: BuildContext) -> Requests:
    """Return the arguments of Step Functions' `lambda:invoke`."""
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
