"""The state of model stages."""

from __future__ import annotations

from stagewright.asl import State, Task
from stagewright.stages.base import registered_model, result_states, retries
from stagewright.stages.base.expressions import bound, with_
from stagewright.stages.base.states import Entry, Permissions

# The name as requested, because an ARN has it in lower case.
RESULT = with_(f"""
    'result': {{ 'arn': $states.result.ModelArn, 'name': {bound("CreateModel", "ModelName")[3:-3]} }}
""")

_CREATE = "Create served model"
_READ, _CHECK = registered_model.check("served model", _CREATE, result_states.CAUGHT)
_STATES: dict[str, State] = {
    **_CHECK,
    _CREATE: Task(
        "sagemaker:createModel",
        bound("CreateModel"),
        RESULT,
        result_states.DONE,
        retries.JOBS,
        result_states.CAUGHT,
    ),
}
STATES = (
    Entry(_READ, _STATES, when=registered_model.NEXT_SERVES_PACKAGE),
    Entry(_CREATE, _STATES),
)
PERMISSIONS: Permissions = {
    "Create": ("sagemaker:CreateModel",),
    "Register": ("sagemaker:DescribeModelPackage",),
}
