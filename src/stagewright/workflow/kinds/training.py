"""A training job; its metrics are the last values that SageMaker found in the log."""

from __future__ import annotations

from stagewright.workflow import jsonata, record, retries
from stagewright.workflow.kinds.kind import Kind
from stagewright.workflow.states import Task

KIND = Kind(
    "training",
    "Run training",
    {
        "Run training": Task(
            "sagemaker:createTrainingJob.sync",
            jsonata.bound("CreateTrainingJob"),
            jsonata.RESULT_OF_TRAINING,
            record.DONE,
            retries.JOBS,
            record.CAUGHT,
            jsonata.TIMEOUT,
        )
    },
)
