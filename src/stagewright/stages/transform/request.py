"""CreateTransformJob, and CreateModel where what is served is not a SageMaker model yet."""

from __future__ import annotations

from stagewright.stages.base.kind import Kind
from stagewright.stages.base.request import Request, Requests, Setting, without_empty
from stagewright.stages.model import request
from stagewright.stages.transform.schema import PREDICTIONS, Transform


def requests(stage: Transform, setting: Setting) -> Requests:
    """A transform job, and a model of its own name that only it uses."""
    made: Requests = {}
    if setting.served != "model":
        made["CreateModel"] = request.request(stage.model, stage.entry_point, setting)
    job = {
        "TransformJobName": setting.job,
        "ModelName": setting.job if made else stage.model,
        "MaxConcurrentTransforms": stage.max_concurrent,
        "MaxPayloadInMB": stage.max_payload_mb,
        # AWS: a strategy needs files that are cut into records (CreateTransformJob).
        "BatchStrategy": None if stage.split_by == "None" else stage.strategy,
        "TransformInput": _input(stage),
        "TransformOutput": _output(stage, setting),
        "TransformResources": {"InstanceType": setting.instance_type, "InstanceCount": stage.instance_count},
        "DataProcessing": _processing(stage),
        "Tags": setting.tag_list(),
    }
    return {**made, "CreateTransformJob": without_empty(job)}


def _input(stage: Transform) -> Request:
    source = {"S3DataType": "S3Prefix", "S3Uri": stage.input}
    return {
        "DataSource": {"S3DataSource": source},
        "ContentType": stage.content_type,
        "SplitType": stage.split_by,
    }


def _output(stage: Transform, setting: Setting) -> Request:
    """Joined and filtered answers have the format of the files."""
    accept = stage.accept or (stage.content_type if stage.join or stage.output_filter else None)
    by_line = "Line" if stage.split_by == "Line" else "None"
    output = {
        "S3OutputPath": stage.output or f"{setting.outputs}/{PREDICTIONS}",
        "Accept": accept,
        "AssembleWith": stage.assemble_with or by_line,
    }
    return without_empty(output)


def _processing(stage: Transform) -> Request:
    processing = {
        "InputFilter": stage.input_filter,
        "OutputFilter": stage.output_filter,
        "JoinSource": "Input" if stage.join else None,
    }
    return without_empty(processing)


def _timeout(stage: Transform, _requests: Requests) -> int:
    """A transform job has no stopping condition of its own: the state machine stops it."""
    return int(stage.max_runtime_seconds)


def _written(_stage: Transform, requests: Requests) -> dict[str, str]:
    return {PREDICTIONS: requests["CreateTransformJob"]["TransformOutput"]["S3OutputPath"].rstrip("/")}


KIND = Kind(requests, _timeout, _written, main="CreateTransformJob", image="inference")
