"""The request of training stages: CreateTrainingJob."""

from __future__ import annotations

import json
from collections.abc import Iterator

from stagewright.naming import ATTEMPT
from stagewright.stages.base.request import LOG_LEVEL, BuildContext, Request, Requests, without_empty
from stagewright.stages.base.stage_request import StageRequest, job_timeout
from stagewright.stages.base.usage import Use, instance_groups, job_use, runtime_limit, training_purpose
from stagewright.stages.training.rules import CODE_CHANNEL
from stagewright.stages.training.schema import Channel, Training, TrainingSpec
from stagewright.syntax.durations import seconds
from stagewright.syntax.references import text_of

CODE = "/opt/ml/input/data/code/source.tar.gz"
"""Where the channel `code` puts the tarball of script mode."""


def build(stage: Training, context: BuildContext) -> Requests:
    """Return the request for one training job. With an entry point, it runs in script mode."""
    job = {
        "TrainingJobName": context.job,
        "RoleArn": context.installation.job_role_arn,
        "HyperParameters": hyperparameters(stage, context),
        **definition(stage, context),
        "CheckpointConfig": _checkpoints(stage, context),
        "Tags": context.tag_list(),
    }
    if stage.keep_alive:
        job["ResourceConfig"]["KeepAlivePeriodInSeconds"] = seconds(stage.keep_alive)
    return {"CreateTrainingJob": without_empty(job)}


def definition(stage: TrainingSpec, context: BuildContext) -> Request:
    """Return the fields that training stages and the training jobs of tuning stages share."""
    return {
        "AlgorithmSpecification": _algorithm(stage, context),
        "InputDataConfig": _channels(stage, context),
        "OutputDataConfig": {"S3OutputPath": context.outputs},
        "ResourceConfig": {
            "InstanceCount": stage.instance_count,
            "InstanceType": context.instance_type,
            "VolumeSizeInGB": stage.volume_size_gb,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": stage.max_runtime_seconds, **_wait(stage)},
        "Environment": dict(context.environment),
        **({"EnableManagedSpotTraining": True} if stage.spot else {}),
    }


def _wait(stage: TrainingSpec) -> Request:
    """AWS requires the wait with Spot, and rejects it without (CreateTrainingJob)."""
    return {"MaxWaitTimeInSeconds": stage.longest_wait} if stage.spot else {}


def _checkpoints(stage: Training, context: BuildContext) -> Request:
    """All attempts of a stage share their checkpoints, so that a retry continues. Runs do not."""
    if not stage.keeps_checkpoints:
        return {}
    own = stage.checkpoints if isinstance(stage.checkpoints, str) else ""
    return {"S3Uri": own or f"{context.outputs.removesuffix(f'/{ATTEMPT}')}/checkpoints"}


def hyperparameters(stage: TrainingSpec, context: BuildContext) -> dict[str, str]:
    """Return the fixed hyperparameters."""
    return _script_mode(stage, context) if stage.entry_point else _plain(stage)


def _algorithm(stage: TrainingSpec, context: BuildContext) -> Request:
    metrics = [{"Name": name, "Regex": regex} for name, regex in stage.metrics.items()]
    algorithm = {"TrainingImage": context.image, "TrainingInputMode": "File", "MetricDefinitions": metrics}
    return without_empty(algorithm)


def _channels(stage: TrainingSpec, context: BuildContext) -> list[Request]:
    """A container without a network cannot download its script, so a channel brings it (as in the SageMaker
    SDK 2.x, Framework._prepare_for_training)."""
    is_brought = stage.entry_point and context.jobs.network_isolation
    code = {CODE_CHANNEL: Channel(uri=context.source)} if is_brought else {}
    return [_channel(*item) for item in {**stage.named_channels, **code}.items()]


def _channel(name: str, channel: Channel) -> Request:
    distribution = {"full": "FullyReplicated", "sharded": "ShardedByS3Key"}[channel.distribution]
    source = {"S3DataType": "S3Prefix", "S3Uri": channel.uri, "S3DataDistributionType": distribution}
    settings = {
        "ContentType": channel.content_type,
        "InputMode": "FastFile" if channel.mode == "fast_file" else None,
    }
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}, **without_empty(settings)}


def _script_mode(stage: TrainingSpec, context: BuildContext) -> dict[str, str]:
    """Encode every value as JSON, like the SageMaker SDK 2.x (Framework._json_encode_hyperparameters)."""
    values = {
        **stage.hyperparameters,
        "sagemaker_program": stage.entry_point,
        "sagemaker_submit_directory": CODE if context.jobs.network_isolation else context.source,
        "sagemaker_container_log_level": int(LOG_LEVEL),
        "sagemaker_job_name": context.job,
        "sagemaker_region": context.installation.region,
    }
    return {name: json.dumps(value, ensure_ascii=False) for name, value in values.items()}


def _plain(stage: TrainingSpec) -> dict[str, str]:
    """Pass texts unchanged, for your own containers and AWS's built-in algorithms."""
    return {name: text_of(value) for name, value in stage.hyperparameters.items()}


def _outputs_of(_stage: Training, requests: Requests) -> dict[str, str]:
    job = requests["CreateTrainingJob"]
    folder = job["OutputDataConfig"]["S3OutputPath"].rstrip("/")
    return {"model": f"{folder}/{job['TrainingJobName']}/output/model.tar.gz"}


def _uses(requests: Requests, timeout: int, attempts: int) -> Iterator[Use]:
    job = requests["CreateTrainingJob"]
    for group in instance_groups(job["ResourceConfig"]):
        yield job_use(training_purpose(job), group, runtime_limit(job, timeout), attempts)


FIELD_NAMES = (
    (r".*\.InputDataConfig\.([^.]+)\..*S3Uri", r"channels.\1"),
    (r".*\.MetricDefinitions\.([^.]+)\.Regex", r"metrics.\1"),
)
REQUEST = StageRequest(
    build,
    job_timeout("CreateTrainingJob"),
    history_events=15,
    outputs=_outputs_of,
    uses=_uses,
    operation="CreateTrainingJob",
    image="training",
    field_names=FIELD_NAMES,
)
