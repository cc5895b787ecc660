"""CreateTrainingJob."""

from __future__ import annotations

import json

from stagewright.stages.base.kind import Kind, job_timeout
from stagewright.stages.base.request import LOG_LEVEL, Request, Requests, Setting, without_empty
from stagewright.stages.training.schema import Training, Trains
from stagewright.syntax.references import text_of


def requests(stage: Training, setting: Setting) -> Requests:
    """One training job; in script mode where there is an entry point."""
    job = {
        "TrainingJobName": setting.job,
        "RoleArn": setting.installation.job_role_arn,
        "HyperParameters": hyperparameters(stage, setting),
        **definition(stage, setting),
        "Tags": setting.tag_list(),
    }
    return {"CreateTrainingJob": without_empty(job)}


def definition(stage: Trains, setting: Setting) -> Request:
    """What training jobs and those of a tuning job have in common."""
    return {
        "AlgorithmSpecification": _algorithm(stage, setting),
        "InputDataConfig": [_channel(name, uri) for name, uri in stage.channels.items()],
        "OutputDataConfig": {"S3OutputPath": setting.outputs},
        "ResourceConfig": {
            "InstanceCount": stage.instance_count,
            "InstanceType": setting.instance_type,
            "VolumeSizeInGB": stage.volume_size_gb,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": stage.max_runtime_seconds},
        "Environment": dict(setting.environment),
    }


def hyperparameters(stage: Trains, setting: Setting) -> dict[str, str]:
    """All that are fixed."""
    return _script_mode(stage, setting) if stage.entry_point else _plain(stage)


def _algorithm(stage: Trains, setting: Setting) -> Request:
    metrics = [{"Name": name, "Regex": regex} for name, regex in stage.metrics.items()]
    algorithm = {"TrainingImage": setting.image, "TrainingInputMode": "File", "MetricDefinitions": metrics}
    return without_empty(algorithm)


def _channel(name: str, uri: str) -> Request:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}}


def _script_mode(stage: Trains, setting: Setting) -> dict[str, str]:
    """As the SageMaker SDK 2.x passes them (Framework._json_encode_hyperparameters): every value
    JSON-encoded."""
    values = {
        **stage.hyperparameters,
        "sagemaker_program": stage.entry_point,
        "sagemaker_submit_directory": setting.source,
        "sagemaker_container_log_level": int(LOG_LEVEL),
        "sagemaker_job_name": setting.job,
        "sagemaker_region": setting.installation.region,
    }
    return {name: json.dumps(value, ensure_ascii=False) for name, value in values.items()}


def _plain(stage: Trains) -> dict[str, str]:
    """For a container of one's own, or an algorithm of AWS's: texts as they are."""
    return {name: text_of(value) for name, value in stage.hyperparameters.items()}


def _written(_stage: Training, requests: Requests) -> dict[str, str]:
    job = requests["CreateTrainingJob"]
    folder = job["OutputDataConfig"]["S3OutputPath"].rstrip("/")
    return {"model": f"{folder}/{job['TrainingJobName']}/output/model.tar.gz"}


KIND = Kind(requests, job_timeout("CreateTrainingJob"), _written, main="CreateTrainingJob", image="training")
