"""A transform job, and before it the model that only it uses, where the stage makes one."""

from __future__ import annotations

from stagewright.asl import Task
from stagewright.stages.base import expressions, result_states, retries, stop_when_late
from stagewright.stages.base.expressions import bound, with_
from stagewright.stages.base.states import Entry, Permissions

_MAKES = "$exists($states.input.stages[0].requests.CreateModel)"
RESULT = with_("""
    'result': { 'job': $states.input.stage.job, 'arn': $states.result.TransformJobArn,
                'outputs': $states.input.stage.outputs }
""")
_STATES = {
    "Create model of transform": Task(
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
    Entry("Create model of transform", _STATES, when=_MAKES),
    Entry("Run transform", _STATES, when=f"$not({_MAKES})"),
)
PERMISSIONS: Permissions = {
    "Create": (
        "sagemaker:CreateTransformJob",
        "sagemaker:CreateModel",
    ),
}
