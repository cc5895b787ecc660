"""The request of tuning stages: CreateHyperParameterTuningJob."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from math import ceil, prod

from stagewright.naming import tuning_job_name
from stagewright.stages.base.request import BuildContext, Request, Requests, without_empty
from stagewright.stages.base.stage_request import QUEUE_MARGIN, StageRequest
from stagewright.stages.base.usage import Use, instance_groups, job_use, runtime_limit, training_purpose
from stagewright.stages.training import request
from stagewright.stages.tuning.schema import Choice, NumberRange, Tuning, WholeRange
from stagewright.syntax.references import text_of

OPERATION = "CreateHyperParameterTuningJob"
LONGEST = 30 * 24 * 3600
"""Maximum seconds of a tuning job ("Resource Limits for Automatic Model Tuning", developer guide)."""
FIELDS = {"integer": "IntegerParameterRanges", "continuous": "ContinuousParameterRanges"}
CATEGORICAL = "CategoricalParameterRanges"


def build(stage: Tuning, context: BuildContext) -> Requests:
    """Return the request for a tuning job. AWS copies its tags to its training jobs (API reference)."""
    definition = {
        "StaticHyperParameters": request.hyperparameters(stage, context),
        "RoleArn": context.installation.job_role_arn,
        **request.definition(stage, context),
    }
    job = {
        "HyperParameterTuningJobName": context.job,
        "HyperParameterTuningJobConfig": _config(stage),
        "TrainingJobDefinition": without_empty(definition),
        "Tags": context.tag_list(),
    }
    return {OPERATION: job}


def _config(stage: Tuning) -> Request:
    goal = {"Type": stage.objective.goal.capitalize(), "MetricName": stage.objective.metric}
    return {
        "Strategy": stage.strategy,
        "HyperParameterTuningJobObjective": goal,
        "ResourceLimits": _limits(stage),
        "ParameterRanges": _ranges(stage),
        "TrainingJobEarlyStoppingType": "Auto" if stage.early_stopping else "Off",
    }


def _limits(stage: Tuning) -> Request:
    """Grid search takes no number of jobs: SageMaker counts the combinations."""
    if stage.strategy == "Grid":
        return {"MaxParallelTrainingJobs": stage.max_parallel_jobs}
    return {
        "MaxNumberOfTrainingJobs": stage.max_jobs,
        "MaxParallelTrainingJobs": min(int(stage.max_parallel_jobs), int(stage.max_jobs)),
    }


def _ranges(stage: Tuning) -> Request:
    script_mode = bool(stage.entry_point)
    ranges: dict[str, list[Request]] = {field: [] for field in (*FIELDS.values(), CATEGORICAL)}
    for name, values in stage.ranges.items():
        if isinstance(values, Choice):
            ranges[CATEGORICAL].append(_choice(name, values, script_mode))
        else:
            ranges[FIELDS[values.type]].append(_number(name, values))
    return without_empty(ranges)


def _number(name: str, values: WholeRange | NumberRange) -> Request:
    return {
        "Name": name,
        "MinValue": text_of(values.min),
        "MaxValue": text_of(values.max),
        "ScalingType": values.scaling,
    }


def _choice(name: str, values: Choice, script_mode: bool) -> Request:
    """Script mode reads JSON. The SageMaker SDK 2.x encodes only the categorical values of a framework
    (HyperparameterTuner._prepare_parameter_ranges_for_tuning)."""
    encode = json.dumps if script_mode else text_of
    return {"Name": name, "Values": [encode(value) for value in values.values]}


def _timeout(_stage: Tuning, requests: Requests) -> int:
    """The time of all rounds of training jobs, or the request's own limit if that is shorter."""
    job = requests[OPERATION]
    limits = job["HyperParameterTuningJobConfig"]["ResourceLimits"]
    rounds = ceil(_count(job) / limits["MaxParallelTrainingJobs"])
    one = max(job["TrainingJobDefinition"]["StoppingCondition"].values()) + QUEUE_MARGIN
    own = limits.get("MaxRuntimeInSeconds", LONGEST) + QUEUE_MARGIN
    return int(min(rounds * one, own, LONGEST))


def _count(job: Request) -> int:
    """The number of training jobs."""
    config = job["HyperParameterTuningJobConfig"]
    choices = config["ParameterRanges"].get(CATEGORICAL, ())
    combinations = prod(len(choice["Values"]) for choice in choices)
    return int(config["ResourceLimits"].get("MaxNumberOfTrainingJobs", combinations))


def _uses(requests: Requests, timeout: int, attempts: int) -> Iterator[Use]:
    tuning_job = requests[OPERATION]
    job = tuning_job["TrainingJobDefinition"]
    jobs = _count(tuning_job)
    limits = tuning_job["HyperParameterTuningJobConfig"]["ResourceLimits"]
    parallel = min(limits["MaxParallelTrainingJobs"], jobs)
    for group in instance_groups(job["ResourceConfig"]):
        one = job_use(training_purpose(job), group, runtime_limit(job, timeout), attempts)
        yield replace(one, instances=one.instances * parallel, hours=(one.hours or 0) * jobs)


REQUEST = StageRequest(
    build,
    _timeout,
    history_events=20,
    uses=_uses,
    operation=OPERATION,
    image="training",
    job_name=tuning_job_name,
    field_names=(
        *request.FIELD_NAMES,
        (r".*\.ParameterRanges\.\w+\.(.+)\.MinValue", r"ranges.\1.min"),
        (r".*\.ParameterRanges\.\w+\.(.+)\.MaxValue", r"ranges.\1.max"),
        (r".*\.ParameterRanges\.\w+\.(.+)\.ScalingType", r"ranges.\1.scaling"),
        (r".*\.ParameterRanges\.\w+\.(.+)\.Values\.\d+", r"ranges.\1.values"),
        (r".*\.HyperParameterTuningJobObjective\.MetricName", "objective.metric"),
        (r".*\.HyperParameterTuningJobObjective\.Type", "objective.goal"),
        (r".*\.ResourceLimits\.MaxNumberOfTrainingJobs", "max_jobs"),
        (r".*\.ResourceLimits\.MaxParallelTrainingJobs", "max_parallel_jobs"),
        (r".*\.TrainingJobEarlyStoppingType", "early_stopping"),
        (r".*\.HyperParameterTuningJobConfig\.Strategy", "strategy"),
    ),
)
