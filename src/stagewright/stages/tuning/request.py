"""CreateHyperParameterTuningJob."""

from __future__ import annotations

import json
from math import ceil, prod

from stagewright.naming import tuning_job_name
from stagewright.stages.base.kind import QUEUE_MARGIN, Kind
from stagewright.stages.base.request import Request, Requests, Setting, without_empty
from stagewright.stages.training import request
from stagewright.stages.tuning.schema import Choice, NumberRange, Tuning, WholeRange
from stagewright.syntax.references import text_of

OPERATION = "CreateHyperParameterTuningJob"
LONGEST = 30 * 24 * 3600
"""Seconds that AWS lets a tuning job run ("Resource Limits for Automatic Model Tuning", developer guide)."""
FIELDS = {"integer": "IntegerParameterRanges", "continuous": "ContinuousParameterRanges"}


def requests(stage: Tuning, setting: Setting) -> Requests:
    """One tuning job of one training job definition. Its tags are its training jobs' too (API reference)."""
    definition = {
        "StaticHyperParameters": request.hyperparameters(stage, setting),
        "RoleArn": setting.installation.job_role_arn,
        **request.definition(stage, setting),
    }
    job = {
        "HyperParameterTuningJobName": setting.job,
        "HyperParameterTuningJobConfig": _config(stage),
        "TrainingJobDefinition": without_empty(definition),
        "Tags": setting.tag_list(),
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
    """Grid counts its combinations itself."""
    if stage.strategy == "Grid":
        return {"MaxParallelTrainingJobs": stage.max_parallel_jobs}
    return {
        "MaxNumberOfTrainingJobs": stage.max_jobs,
        "MaxParallelTrainingJobs": min(int(stage.max_parallel_jobs), int(stage.max_jobs)),
    }


def _ranges(stage: Tuning) -> Request:
    numbers = [
        (FIELDS[values.type], _number(name, values))
        for name, values in stage.ranges.items()
        if not isinstance(values, Choice)
    ]
    return without_empty(
        {field: [each for kind, each in numbers if kind == field] for field in FIELDS.values()}
        | {
            "CategoricalParameterRanges": [
                _choice(name, values, bool(stage.entry_point))
                for name, values in stage.ranges.items()
                if isinstance(values, Choice)
            ]
        }
    )


def _number(name: str, values: WholeRange | NumberRange) -> Request:
    return {
        "Name": name,
        "MinValue": text_of(values.min),
        "MaxValue": text_of(values.max),
        "ScalingType": values.scaling,
    }


def _choice(name: str, values: Choice, script_mode: bool) -> Request:
    """Script mode reads JSON: the SageMaker SDK 2.x encodes the values of a framework's categories, and only
    those (HyperparameterTuner._prepare_parameter_ranges_for_tuning)."""
    encode = json.dumps if script_mode else text_of
    return {"Name": name, "Values": [encode(value) for value in values.values]}


def _timeout(_stage: Tuning, requests: Requests) -> int:
    """For all training jobs, one round after another; less where the request has a limit of its own."""
    job = requests[OPERATION]
    limits = job["HyperParameterTuningJobConfig"]["ResourceLimits"]
    rounds = ceil(_count(job) / limits["MaxParallelTrainingJobs"])
    one = max(job["TrainingJobDefinition"]["StoppingCondition"].values()) + QUEUE_MARGIN
    own = limits.get("MaxRuntimeInSeconds", LONGEST) + QUEUE_MARGIN
    return int(min(rounds * one, own, LONGEST))


def _count(job: Request) -> int:
    """Of training jobs."""
    config = job["HyperParameterTuningJobConfig"]
    choices = config["ParameterRanges"].get("CategoricalParameterRanges", ())
    combinations = prod(len(each["Values"]) for each in choices)
    return int(config["ResourceLimits"].get("MaxNumberOfTrainingJobs", combinations))


KIND = Kind(requests, _timeout, main=OPERATION, image="training", name=tuning_job_name)
