"""A tuning job; its result is the best of its training jobs, which a second call describes."""

from __future__ import annotations

from stagewright.workflow import jsonata, record, retries
from stagewright.workflow.jsonata import with_
from stagewright.workflow.kinds import unlimited
from stagewright.workflow.kinds.kind import Kind
from stagewright.workflow.states import Task

BEST = with_("""
    'best': $exists($states.result.BestTrainingJob.TrainingJobName)
      ? { 'name': $states.result.BestTrainingJob.TrainingJobName,
          'arn': $states.result.HyperParameterTuningJobArn,
          'hyperparameters': $states.result.BestTrainingJob.TunedHyperParameters }
      : $error('no training job of ' & $states.input.stage.job & ' has a value of the objective metric')
""")
BEST_NAME = jsonata.expression("$states.input.best.name")
RESULT = with_("""
    'result': { 'job': $states.input.stage.job, 'arn': $states.input.best.arn,
                'outputs': $states.input.stage.outputs,
                'best': $states.input.best.name,
                'hyperparameters': $states.input.best.hyperparameters,
                'model': $states.result.ModelArtifacts.S3ModelArtifacts,
                'metrics': $merge([{}, $states.result.FinalMetricDataList.{ MetricName: Value }]) }
""")

KIND = Kind(
    "tuning",
    "Run tuning",
    {
        "Run tuning": unlimited.run(
            "sagemaker:createHyperParameterTuningJob.sync",
            "CreateHyperParameterTuningJob",
            BEST,
            "Look at best job",
            "Stop tuning",
        ),
        "Stop tuning": unlimited.stop("stopHyperParameterTuningJob", "HyperParameterTuningJobName"),
        "Look at best job": Task(
            "aws-sdk:sagemaker:describeTrainingJob",
            {"TrainingJobName": BEST_NAME},
            RESULT,
            record.DONE,
            retries.SAGEMAKER,
            record.CAUGHT,
        ),
    },
)
