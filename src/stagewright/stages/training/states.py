"""The state of training stages. The metrics are the last values that SageMaker found in the log."""

from __future__ import annotations

from stagewright.asl import State, Task
from stagewright.stages.base import expressions, result_states, retries, stop_when_late
from stagewright.stages.base.expressions import with_
from stagewright.stages.base.states import Entry, Permissions

RESULT = with_("""
    'result': { 'job': $states.input.stage.job, 'arn': $states.result.TrainingJobArn,
                'outputs': $states.input.stage.outputs,
                'model': $states.result.ModelArtifacts.S3ModelArtifacts,
                'metrics': $merge([{}, $states.result.FinalMetricDataList.{ MetricName: Value }]) }
""")

_STATES: dict[str, State] = {
    "Run training": Task(
        "sagemaker:createTrainingJob.sync",
        expressions.bound("CreateTrainingJob"),
        RESULT,
        result_states.DONE,
        retries.JOBS,
        result_states.CAUGHT,
        expressions.TIMEOUT,
        stop_when_late.late("Stop training"),
    ),
    "Stop training": stop_when_late.stop("stopTrainingJob", "TrainingJobName"),
}
STATES = (Entry("Run training", _STATES),)
PERMISSIONS: Permissions = {
    "Create": ("sagemaker:CreateTrainingJob",),
}
