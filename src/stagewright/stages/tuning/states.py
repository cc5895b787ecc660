"""The states of tuning stages. The result is the best training job, which a second call describes."""

from __future__ import annotations

from stagewright import asl
from stagewright.asl import State, Task
from stagewright.stages.base import result_states, retries, stop_when_late
from stagewright.stages.base.expressions import with_
from stagewright.stages.base.states import Entry, Permissions

BEST = with_("""
    'best': $exists($states.result.BestTrainingJob.TrainingJobName)
      ? { 'name': $states.result.BestTrainingJob.TrainingJobName,
          'arn': $states.result.HyperParameterTuningJobArn,
          'tuned': $keys($states.result.BestTrainingJob.TunedHyperParameters) }
      : $error('no training job of ' & $states.input.stage.job & ' has a value of the objective metric')
""")
BEST_NAME = asl.expression("$states.input.best.name")
# The value as the script got it: in script mode every value is JSON, and SageMaker's training toolkit decodes
# it and passes Python's str of it as an argument.
_SCRIPT_VALUE = r"""
    function($value) {
      $not($exists($states.result.HyperParameters.sagemaker_program)) ? $value
      : $value = 'true' ? 'True' : $value = 'false' ? 'False'
      : $contains($value, /^"([^"\x5c\x00-\x1f]|\x5c["\x5c\/bfnrt]|\x5cu[0-9a-fA-F]{4})*"$/) ? $parse($value)
      : $value }
"""
# SageMaker adds `_tuning_objective_metric`, and script mode adds `sagemaker_*`. Documents cannot use these
# names.
_OWN = "/^(sagemaker_|_tuning_)/"
RESULT = with_(f"""
    'result': {{ 'job': $states.input.stage.job, 'arn': $states.input.best.arn,
                'outputs': $states.input.stage.outputs,
                'best': $states.input.best.name, 'tuned': [$states.input.best.tuned],
                'hyperparameters': (
                  $argument := {_SCRIPT_VALUE};
                  $merge($append({{}}, $each($states.result.HyperParameters, function($value, $name) {{
                    $contains($name, {_OWN}) ? {{}} : {{ $name: $argument($value) }} }}))) ),
                'model': $states.result.ModelArtifacts.S3ModelArtifacts,
                'metrics': $merge([{{}}, $states.result.FinalMetricDataList.{{ MetricName: Value }}]) }}
""")

_STATES: dict[str, State] = {
    "Run tuning": stop_when_late.run(
        "sagemaker:createHyperParameterTuningJob.sync",
        "CreateHyperParameterTuningJob",
        BEST,
        "Describe best job",
        "Stop tuning",
    ),
    "Stop tuning": stop_when_late.stop("stopHyperParameterTuningJob", "HyperParameterTuningJobName"),
    "Describe best job": Task(
        "aws-sdk:sagemaker:describeTrainingJob",
        {"TrainingJobName": BEST_NAME},
        RESULT,
        result_states.DONE,
        retries.SAGEMAKER,
        result_states.CAUGHT,
    ),
}
STATES = (Entry("Run tuning", _STATES),)
PERMISSIONS: Permissions = {
    "Create": ("sagemaker:CreateHyperParameterTuningJob",),
}
