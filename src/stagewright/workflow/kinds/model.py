"""A SageMaker model."""

from __future__ import annotations

from stagewright.workflow import record, retries
from stagewright.workflow.jsonata import bound, with_
from stagewright.workflow.kinds.kind import Kind
from stagewright.workflow.states import Task

# The name as it was asked for: an ARN has it in small letters.
RESULT = with_(f"""
    'result': {{ 'arn': $states.result.ModelArn, 'name': {bound("CreateModel", "ModelName")[3:-3]} }}
""")

KIND = Kind(
    "model",
    "Create served model",
    {
        "Create served model": Task(
            "sagemaker:createModel",
            bound("CreateModel"),
            RESULT,
            record.DONE,
            retries.JOBS,
            record.CAUGHT,
        )
    },
)
