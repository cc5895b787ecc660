"""The requests of transform stages: CreateTransformJob, and CreateModel unless a model exists."""

from __future__ import annotations

from collections.abc import Iterator

from stagewright.stages.base.request import BuildContext, Request, Requests, without_empty
from stagewright.stages.base.stage_request import StageRequest
from stagewright.stages.base.usage import Use, job_use
from stagewright.stages.model import request
from stagewright.stages.transform.schema import PREDICTIONS, Transform


def build(stage: Transform, context: BuildContext) -> Requests:
    """Return the requests for a transform job and, if needed, for the model that only this job uses."""
    models: Requests = {}
    if context.served != "model":
        models["CreateModel"] = request.request(stage.model, stage.entry_point, context)
    job = {
        "TransformJobName": context.job,
        "ModelName": context.job if models else stage.model,
        "MaxConcurrentTransforms": stage.max_concurrent,
        "MaxPayloadInMB": stage.max_payload_mb,
        # AWS accepts a strategy only for files that are split into records (CreateTransformJob).
        "BatchStrategy": None if stage.split_by == "None" else stage.strategy,
        "TransformInput": _input(stage),
        "TransformOutput": _output(stage, context),
        "TransformResources": {"InstanceType": context.instance_type, "InstanceCount": stage.instance_count},
        "DataProcessing": _processing(stage),
        "Tags": context.tag_list(),
    }
    return {**models, "CreateTransformJob": without_empty(job)}


def _input(stage: Transform) -> Request:
    source = {"S3DataType": "S3Prefix", "S3Uri": stage.input}
    return {
        "DataSource": {"S3DataSource": source},
        "ContentType": stage.content_type,
        "SplitType": stage.split_by,
    }


def _output(stage: Transform, context: BuildContext) -> Request:
    """Joined and filtered predictions have the content type of the files."""
    accept = stage.accept or (stage.content_type if stage.join or stage.output_filter else None)
    by_line = "Line" if stage.split_by == "Line" else "None"
    output = {
        "S3OutputPath": stage.output or context.output(PREDICTIONS),
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
    """A transform job has no stopping condition, so the state machine stops it."""
    return int(stage.max_runtime_seconds)


def _outputs_of(_stage: Transform, requests: Requests) -> dict[str, str]:
    return {PREDICTIONS: requests["CreateTransformJob"]["TransformOutput"]["S3OutputPath"].rstrip("/")}


def _uses(requests: Requests, timeout: int, attempts: int) -> Iterator[Use]:
    resources = requests["CreateTransformJob"]["TransformResources"]
    yield job_use("transform job", resources, timeout, attempts)


REQUEST = StageRequest(
    build,
    _timeout,
    history_events=32,
    outputs=_outputs_of,
    uses=_uses,
    operation="CreateTransformJob",
    image="inference",
    field_names=(
        *request.FIELD_NAMES,
        (r".*\.TransformInput\..*S3Uri", "input"),
        (r".*\.TransformOutput\.S3OutputPath", "output"),
        (r".*\.TransformInput\.ContentType", "content_type"),
        (r".*\.TransformInput\.SplitType", "split_by"),
        (r".*\.TransformOutput\.Accept", "accept"),
        (r".*\.TransformOutput\.AssembleWith", "assemble_with"),
        (r".*\.BatchStrategy", "strategy"),
        (r".*\.MaxPayloadInMB", "max_payload_mb"),
        (r".*\.MaxConcurrentTransforms", "max_concurrent"),
        (r".*\.DataProcessing\.InputFilter", "input_filter"),
        (r".*\.DataProcessing\.OutputFilter", "output_filter"),
        (r".*\.DataProcessing\.JoinSource", "join"),
        (r"CreateTransformJob\.ModelName", "model"),
    ),
)
