"""CreateProcessingJob."""

from __future__ import annotations

from collections.abc import Mapping

from stagewright.stages.base.kind import Kind, job_timeout
from stagewright.stages.base.request import Request, Requests, Setting, without_empty
from stagewright.stages.processing.schema import Processing

INPUT = "/opt/ml/processing/input"
OUTPUT = "/opt/ml/processing/output"


def requests(stage: Processing, setting: Setting) -> Requests:
    """One processing job. Its script and the files beside it are an input named `code`."""
    inputs = {"code": f"{setting.code}/files/"} if stage.code else {}
    job = {
        "ProcessingJobName": setting.job,
        "RoleArn": setting.installation.job_role_arn,
        "AppSpecification": _application(stage, setting),
        "ProcessingInputs": [_input(name, uri) for name, uri in {**inputs, **stage.inputs}.items()],
        "ProcessingOutputConfig": _outputs(stage, setting),
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceCount": stage.instance_count,
                "InstanceType": setting.instance_type,
                "VolumeSizeInGB": stage.volume_size_gb,
            }
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": stage.max_runtime_seconds},
        "Environment": dict(setting.environment),
        "Tags": setting.tag_list(),
    }
    return {"CreateProcessingJob": without_empty(job)}


def _application(stage: Processing, setting: Setting) -> Request:
    command = list(stage.entrypoint)
    if stage.code:
        command = ["/bin/bash" if stage.code.endswith(".sh") else "python3", f"{INPUT}/code/{stage.code}"]
    application = {"ContainerEntrypoint": command, "ContainerArguments": list(stage.arguments)}
    return {"ImageUri": setting.image, **without_empty(application)}


def _input(name: str, uri: str) -> Request:
    source = {
        "S3Uri": uri,
        "LocalPath": f"{INPUT}/{name}",
        "S3DataType": "S3Prefix",
        "S3InputMode": "File",
        "S3DataDistributionType": "FullyReplicated",
        "S3CompressionType": "None",
    }
    return {"InputName": name, "S3Input": source}


def _outputs(stage: Processing, setting: Setting) -> Request:
    own = stage.outputs if isinstance(stage.outputs, Mapping) else {}
    outputs = [
        {
            "OutputName": name,
            "S3Output": {
                "S3Uri": own.get(name, f"{setting.outputs}/{name}"),
                "LocalPath": f"{OUTPUT}/{name}",
                "S3UploadMode": "EndOfJob",
            },
        }
        for name in stage.outputs
    ]
    return {"Outputs": outputs} if outputs else {}


def _written(_stage: Processing, requests: Requests) -> dict[str, str]:
    config = requests["CreateProcessingJob"].get("ProcessingOutputConfig", {})
    return {
        output["OutputName"]: output["S3Output"]["S3Uri"].rstrip("/")
        for output in config.get("Outputs", ())
        if "S3Output" in output
    }


KIND = Kind(
    requests, job_timeout("CreateProcessingJob"), _written, main="CreateProcessingJob", image="training"
)
