"""The request of processing stages: CreateProcessingJob."""

from __future__ import annotations

from collections.abc import Iterator

from stagewright.stages.base.request import BuildContext, Request, Requests, without_empty
from stagewright.stages.base.stage_request import StageRequest, job_timeout
from stagewright.stages.base.usage import Use, job_use, runtime_limit
from stagewright.stages.processing.schema import INPUT, Processing, ProcessingInput

DISTRIBUTIONS = {"full": "FullyReplicated", "sharded": "ShardedByS3Key"}
UPLOADS = {"end_of_job": "EndOfJob", "continuous": "Continuous"}


def build(stage: Processing, context: BuildContext) -> Requests:
    """Return the request for one processing job. The script and its files are an input named `code`."""
    code = {"code": ProcessingInput(uri=f"{context.code}/files/", path=f"{INPUT}/code")} if stage.code else {}
    job = {
        "ProcessingJobName": context.job,
        "RoleArn": context.installation.job_role_arn,
        "AppSpecification": _application(stage, context),
        "ProcessingInputs": [_input(*item) for item in {**code, **stage.named_inputs}.items()],
        "ProcessingOutputConfig": _outputs(stage, context),
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceCount": stage.instance_count,
                "InstanceType": context.instance_type,
                "VolumeSizeInGB": stage.volume_size_gb,
            }
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": stage.max_runtime_seconds},
        "Environment": dict(context.environment),
        "Tags": context.tag_list(),
    }
    return {"CreateProcessingJob": without_empty(job)}


def _application(stage: Processing, context: BuildContext) -> Request:
    command = list(stage.entrypoint)
    if stage.code:
        command = ["/bin/bash" if stage.code.endswith(".sh") else "python3", f"{INPUT}/code/{stage.code}"]
    application = {"ContainerEntrypoint": command, "ContainerArguments": list(stage.arguments)}
    return {"ImageUri": context.image, **without_empty(application)}


def _input(name: str, item: ProcessingInput) -> Request:
    source = {
        "S3Uri": item.uri,
        "LocalPath": item.path,
        "S3DataType": "S3Prefix",
        "S3InputMode": "File",
        "S3DataDistributionType": DISTRIBUTIONS[item.distribution],
        "S3CompressionType": "None",
    }
    return {"InputName": name, "S3Input": source}


def _outputs(stage: Processing, context: BuildContext) -> Request:
    outputs = [
        {
            "OutputName": name,
            "S3Output": {
                "S3Uri": item.uri or context.output(name),
                "LocalPath": item.path,
                "S3UploadMode": UPLOADS[item.upload],
            },
        }
        for name, item in stage.named_outputs.items()
    ]
    return {"Outputs": outputs} if outputs else {}


def _outputs_of(_stage: Processing, requests: Requests) -> dict[str, str]:
    config = requests["CreateProcessingJob"].get("ProcessingOutputConfig", {})
    return {
        output["OutputName"]: output["S3Output"]["S3Uri"].rstrip("/")
        for output in config.get("Outputs", ())
        if "S3Output" in output
    }


def _uses(requests: Requests, timeout: int, attempts: int) -> Iterator[Use]:
    job = requests["CreateProcessingJob"]
    cluster = job["ProcessingResources"]["ClusterConfig"]
    yield job_use("processing job", cluster, runtime_limit(job, timeout), attempts)


REQUEST = StageRequest(
    build,
    job_timeout("CreateProcessingJob"),
    history_events=15,
    outputs=_outputs_of,
    uses=_uses,
    operation="CreateProcessingJob",
    image="training",
    field_names=(
        (r".*\.ContainerArguments\.\d+", "arguments"),
        (r".*\.ContainerEntrypoint\.\d+", "entrypoint"),
        (r".*\.ProcessingInputs\.([^.]+)\..*S3Uri", r"inputs.\1"),
        (r".*\.ProcessingOutputConfig\.Outputs\.([^.]+)\..*", r"outputs.\1"),
    ),
)
