"""A training job; its metrics are the last values that SageMaker found in the log."""

from __future__ import annotations

from stagewright.workflow import jsonata, record, retries
from stagewright.workflow.jsonata import with_
from stagewright.workflow.kinds.kind import Kind
from stagewright.workflow.states import Task

RESULT = with_("""
    'result': { 'job': $states.input.stage.job, 'arn': $states.result.TrainingJobArn,
                'outputs': $states.input.stage.outputs,
                'model': $states.result.ModelArtifacts.S3ModelArtifacts,
                'metrics': $merge([{}, $states.result.FinalMetricDataList.{ MetricName: Value }]) }
""")

KIND = Kind(
    "training",
    "Run training",
    {
        "Run training": Task(
            "sagemaker:createTrainingJob.sync",
            jsonata.bound("CreateTrainingJob"),
            RESULT,
            record.DONE,
            retries.JOBS,
            record.CAUGHT,
            jsonata.TIMEOUT,
        )
    },
)
