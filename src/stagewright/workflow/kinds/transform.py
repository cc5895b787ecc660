"""A transform job, and before it the model that only it uses, where the stage makes one."""

from __future__ import annotations

from stagewright.workflow import jsonata, record, retries
from stagewright.workflow.jsonata import bound, with_
from stagewright.workflow.kinds import unlimited
from stagewright.workflow.kinds.kind import Kind
from stagewright.workflow.states import Task

_MAKES = "$exists($states.input.stages[0].requests.CreateModel)"
RESULT = with_("""
    'result': { 'job': $states.input.stage.job, 'arn': $states.result.TransformJobArn,
                'outputs': $states.input.stage.outputs }
""")
_STATES = {
    "Create model of transform": Task(
        "sagemaker:createModel",
        bound("CreateModel"),
        jsonata.INPUT,
        "Run transform",
        retries.JOBS,
        record.CAUGHT,
    ),
    "Run transform": unlimited.run(
        "sagemaker:createTransformJob.sync",
        "CreateTransformJob",
        RESULT,
        record.DONE,
        "Stop transform",
    ),
    "Stop transform": unlimited.stop("stopTransformJob", "TransformJobName"),
}

KINDS = (
    Kind("transform", "Create model of transform", _STATES, when=_MAKES),
    Kind("transform", "Run transform", _STATES, when=f"$not({_MAKES})"),
)
