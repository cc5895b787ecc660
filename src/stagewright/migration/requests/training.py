"""CreateTrainingJob and CreateHyperParameterTuningJob -> training and tuning stages."""

from __future__ import annotations

import json
import re
from typing import Any

from stagewright.migration.converted import Stage
from stagewright.migration.requests.request import Request
from stagewright.migration.requests.scripts import script_mode, unquoted
from stagewright.migration.scalars import number
from stagewright.syntax.references import sole_reference

RANGES = {
    "IntegerParameterRanges": "integer",
    "ContinuousParameterRanges": "continuous",
    "CategoricalParameterRanges": "categorical",
}
STATIC, OBJECTIVE = "StaticHyperParameters", "HyperParameterTuningJobObjective"
PROGRAM, SOURCE = "sagemaker_program", "sagemaker_submit_directory"
OF_SDK = (
    "sagemaker_container_log_level", "sagemaker_estimator_class_name", "sagemaker_estimator_module",
    "sagemaker_job_name", "sagemaker_region",
)  # fmt: skip
"""Hyperparameters that the SageMaker SDK sets for itself."""
DEFAULT_SECONDS = 86_400
"""Without a StoppingCondition: StoppingCondition, API reference."""


def training(of: Request) -> Stage:
    stage = {"kind": "training", **_job(of, "HyperParameters", "ResourceConfig")}
    stage |= _keep_alive(of) | _checkpoints(of)
    of.drop()
    return stage | of.rest()


def tuning(of: Request) -> Stage:
    if of.take("TrainingJobDefinitions") or of.take("WarmStartConfig"):
        of.refuse(
            "TrainingJobDefinitions", "several definitions or a warm start cannot be converted", "use one"
        )
        return {}
    config, job = of.inner("HyperParameterTuningJobConfig"), of.inner("TrainingJobDefinition")
    resources = "HyperParameterTuningResourceConfig"
    resources = resources if resources in job.data else "ResourceConfig"
    stage = {"kind": "tuning", **_job(job, STATIC, resources), **_search(config, job)}
    job.drop()
    of.drop()
    rest = {"TrainingJobDefinition": job.rest(), "HyperParameterTuningJobConfig": config.rest()}
    more = {name: value["request"] for name, value in rest.items() if value} | of.rest().get("request", {})
    return stage | ({"request": more} if more else {})


def _job(of: Request, parameters: str, resources: str) -> Stage:
    algorithm = "AlgorithmSpecification"
    image = of.take(algorithm, "TrainingImage")
    if not image:
        of.refuse(algorithm, "only jobs with a TrainingImage can be converted", "use the URI of an image")
    stage = of.compute(image, resources) | _channel_script(of)
    values = of.take(parameters) or {}
    stage |= script_mode(of, values.get(PROGRAM), values.get(SOURCE), parameters)
    if "entry_point" not in stage:
        stage["image"] = image  # an alias stands for script mode
    stage |= _hyperparameters(values, bool(values.get(PROGRAM)))
    stage |= _channels(of) | _metrics(of) | of.environment("Environment") | of.network()
    stage["max_runtime_seconds"] = of.take("StoppingCondition", "MaxRuntimeInSeconds") or DEFAULT_SECONDS
    wait, spot = (
        of.take("StoppingCondition", "MaxWaitTimeInSeconds"),
        of.fixed(of.take("EnableManagedSpotTraining"), "EnableManagedSpotTraining"),
    )
    if spot:
        stage |= {"spot": True, **({"max_wait_seconds": wait} if wait else {})}
    if of.take("OutputDataConfig", "KmsKeyId"):
        of.note("OutputDataConfig.KmsKeyId", "dropped: the installation sets the key", "see kms_output_key")
    of.take("OutputDataConfig", "S3OutputPath")
    _plain_mode(of, algorithm)
    return stage


def _channel_script(of: Request) -> Stage:
    """The script of a channel that the container's command runs becomes the entry point."""
    command = (of.data.get("AlgorithmSpecification") or {}).get("ContainerEntrypoint") or []
    match = re.fullmatch(r"/opt/ml/input/data/([^/]+)/(.+\.py)", str(command[-1])) if command else None
    listed = of.data.get("InputDataConfig") or []
    channel = next((item for item in listed if match and item.get("ChannelName") == match[1]), None)
    if match is None or channel is None or len(command) != 2:
        return {}
    of.take("AlgorithmSpecification", "ContainerEntrypoint")
    listed.remove(channel)
    uri = channel["DataSource"]["S3DataSource"]["S3Uri"]
    return script_mode(of, match[2], uri, "InputDataConfig")


def _plain_mode(of: Request, algorithm: str) -> None:
    """Leave out what a stage's request has anyway."""
    if of.data.get(algorithm, {}).get("TrainingInputMode") == "File":
        of.take(algorithm, "TrainingInputMode")
    of.take(algorithm, "EnableSageMakerMetricsTimeSeries")


def _hyperparameters(values: dict[str, Any], is_script: bool) -> Stage:
    own = {name: value for name, value in values.items() if name not in (*OF_SDK, PROGRAM, SOURCE)}
    read = _decoded if is_script else number
    return {"hyperparameters": {name: read(value) for name, value in own.items()}} if own else {}


def _decoded(value: Any) -> Any:
    """A value of script mode, which is JSON. A list or object stays as its text."""
    if not isinstance(value, str) or sole_reference(value):
        return value
    try:
        decoded = json.loads(value)
    except ValueError:
        return number(value)
    return (
        number(decoded)
        if isinstance(decoded, str | int | float) and not isinstance(decoded, bool)
        else (decoded if isinstance(decoded, bool) else value)
    )


def _channels(of: Request) -> Stage:
    """Channel -> URI. Settings of channels are kept as the whole list in `request`."""
    listed = of.mappings("InputDataConfig")
    sources = {}
    for channel in listed:
        name = of.name(channel.get("ChannelName", "channel"), "InputDataConfig")
        source = (channel.get("DataSource") or {}).get("S3DataSource")
        if not source:
            of.refuse(f"InputDataConfig.{name}", "only a channel from S3 can be converted", "copy it to S3")
            continue
        channel["ChannelName"] = name
        sources[name] = source.get("S3Uri")
    if any(not _is_plain(channel) for channel in listed):
        of.data["InputDataConfig"] = listed
    return {"channels": sources} if sources else {}


def _is_plain(channel: dict[str, Any]) -> bool:
    """Whether a stage's own channel has the same settings."""
    source = (channel.get("DataSource") or {}).get("S3DataSource") or {}
    defaults = {"S3DataType": "S3Prefix", "S3DataDistributionType": "FullyReplicated"}
    more = channel.keys() - {"ChannelName", "DataSource"}
    same = all(source.get(name, value) == value for name, value in defaults.items())
    return same and not more and not source.keys() - {*defaults, "S3Uri"}


def _metrics(of: Request) -> Stage:
    listed = of.mappings("AlgorithmSpecification", "MetricDefinitions")
    metrics = {of.name(item.get("Name"), "MetricDefinitions"): item.get("Regex") for item in listed}
    return {"metrics": metrics} if metrics else {}


def _keep_alive(of: Request) -> Stage:
    seconds = of.fixed(of.take("ResourceConfig", "KeepAlivePeriodInSeconds"), "ResourceConfig")
    return {"keep_alive": f"{seconds}s"} if seconds else {}


def _checkpoints(of: Request) -> Stage:
    config = of.take("CheckpointConfig")
    if config:
        of.note(
            "CheckpointConfig", f"{config.get('S3Uri')} dropped: each run has its own", "set `checkpoints`"
        )
    return {"checkpoints": True} if config else {}


def _search(config: Request, job: Request) -> Stage:
    goal = config.take(OBJECTIVE) or job.take("TuningObjective") or {}
    ranges = _ranges(config)
    if not ranges:
        config.refuse("ParameterRanges", "no range", "add a range")
    limits = ("ResourceLimits", "MaxNumberOfTrainingJobs"), ("ResourceLimits", "MaxParallelTrainingJobs")
    most, parallel = (config.take(*path) for path in limits)
    goal = {name: config.fixed(value, OBJECTIVE) for name, value in goal.items()}
    stage: Stage = {
        "ranges": ranges,
        "strategy": config.fixed(config.take("Strategy"), "Strategy") or "Bayesian",
    }
    stage |= {"objective": {"metric": goal.get("MetricName", ""), "goal": str(goal.get("Type", "")).lower()}}
    stage |= {"max_jobs": most} if most else {}
    stage |= {"max_parallel_jobs": parallel} if parallel else {}
    early = config.take("TrainingJobEarlyStoppingType") == "Auto"
    return stage | ({"early_stopping": True} if early else {})


def _ranges(of: Request) -> dict[str, Stage]:
    ranges: dict[str, Stage] = {}
    for block, kind in RANGES.items():
        for item in of.mappings("ParameterRanges", block):
            if kind == "categorical":
                values = [number(unquoted(value)) for value in item.get("Values", [])]
                ranges[str(item.get("Name"))] = {"type": kind, "values": values}
            else:
                bounds = {
                    side: number(of.fixed(item.get(name), f"ParameterRanges.{block}"))
                    for side, name in (("min", "MinValue"), ("max", "MaxValue"))
                }
                scaling = item.get("ScalingType")
                ranges[str(item.get("Name"))] = {
                    "type": kind,
                    **bounds,
                    **({"scaling": scaling} if scaling else {}),
                }
    return ranges
