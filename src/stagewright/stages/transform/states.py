"""The states of transform stages: the model, if the stage creates one, and the job."""

from __future__ import annotations

from stagewright.asl import Task
from stagewright.stages.base import expressions, registered_model, result_states, retries, stop_when_late
from stagewright.stages.base.expressions import bound, with_
from stagewright.stages.base.states import Entry, Permissions

_HAS_MODEL_REQUEST = "$exists($states.input.stages[0].requests.CreateModel)"
RESULT = with_("""
    'result': { 'job': $states.input.stage.job, 'arn': $states.result.TransformJobArn,
                'outputs': $states.input.stage.outputs }
""")
_CREATE = "Create model of transform"
_READ, _CHECK = registered_model.check("model of transform", _CREATE, result_states.CAUGHT)
_STATES = {
    **_CHECK,
    _CREATE: Task(
        "sagemaker:createModel",
        bound("CreateModel"),
        expressions.INPUT,
        "Run transform",
        retries.JOBS,
        result_states.CAUGHT,
    ),
    "Run transform": stop_when_late.run(
        "sagemaker:createTransformJob.sync",
        "CreateTransformJob",
        RESULT,
        result_states.DONE,
        "Stop transform",
    ),
    "Stop transform": stop_when_late.stop("stopTransformJob", "TransformJobName"),
}

STATES = (
    Entry(_READ, _STATES, when=f"{_HAS_MODEL_REQUEST} and {registered_model.NEXT_SERVES_PACKAGE}"),
    Entry(_CREATE, _STATES, when=_HAS_MODEL_REQUEST),
    Entry("Run transform", _STATES, when=f"$not({_HAS_MODEL_REQUEST})"),
)
PERMISSIONS: Permissions = {
    "Create": (
        "sagemaker:CreateTransformJob",
        "sagemaker:CreateModel",
    ),
    "Register": ("sagemaker:DescribeModelPackage",),
}
