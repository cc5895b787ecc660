"""Fields of transform stages: a model, the files to predict for, and their format."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from stagewright.stages.base.schema import JobService, Log, Serving, Stage
from stagewright.syntax.fields import (
    Accepts,
    Count,
    Flag,
    PlanNumber,
    PlanText,
    Reference,
    S3Uri,
    Seconds,
    Served,
    Whole,
)

PREDICTIONS = "predictions"
"""The only output of a transform stage."""


class Transform(Stage, Serving):
    """Makes predictions for files with a SageMaker batch transform job."""

    values: ClassVar[tuple[str, ...]] = ("outputs", "job")
    folder_fields: ClassVar[tuple[str, ...]] = ("input",)
    job_service: ClassVar[JobService] = "transform"
    logs: ClassVar[tuple[Log, ...]] = (Log("/aws/sagemaker/TransformJobs"),)
    quota_purpose: ClassVar[str] = "transform job"

    kind: Literal["transform"]
    """Always `transform`."""
    model: Served
    """A model stage (${stages.model.name}), a model package, or a model artifact (${stages.train.model})."""
    input: S3Uri
    """S3 URI of the files to predict for, usually ${stages.X.outputs.Y}."""
    output: Annotated[str, Accepts(("uri", "text"), known="plan")] | None = None
    """Your own S3 URI for the predictions. Refer to them as ${stages.<stage>.outputs.predictions}."""
    content_type: str = "text/csv"
    """Content type of the files."""
    accept: str | None = None
    """Content type of the predictions. Default with `join` or `output_filter`: `content_type`."""
    split_by: Literal["None", "Line", "RecordIO", "TFRecord"] = "Line"
    """How a file is split into records. `None` sends the whole file."""
    assemble_with: Literal["None", "Line"] | None = None
    """How predictions are assembled into a file. Default: `Line` if `split_by` is `Line`."""
    strategy: Literal["MultiRecord", "SingleRecord"] = "MultiRecord"
    """Records per request: as many as `max_payload_mb` allows, or one. Omit it if `split_by` is `None`."""
    max_payload_mb: Annotated[Annotated[Whole, Field(ge=0, le=100)] | Reference, PlanNumber] = 6
    """Maximum size of a request, in MB."""
    max_concurrent: Annotated[Annotated[Whole, Field(ge=0, le=100)] | Reference, PlanNumber] = 1
    """Maximum number of parallel requests per instance. 0: the container decides."""
    input_filter: str | None = None
    """JSONPath of the part of a record to send to the model, such as `$[1:]`."""
    output_filter: str | None = None
    """JSONPath of the part of the record and prediction to keep, such as `$[0,-1]`."""
    join: Flag = False
    """Whether each prediction is joined to its record."""
    instance_type: PlanText | None = None
    """A SageMaker instance type, such as `ml.m5.xlarge`."""
    instance_count: Count = 1
    """Number of instances."""
    max_runtime_seconds: Seconds = 3600
    """Time limit in seconds, including the wait for instances. When it is reached, the job is stopped and the
    stage fails."""

    def value_names(self, word: str) -> tuple[str, ...] | None:
        return (PREDICTIONS,) if word == "outputs" else ()

    @property
    def overwrites_its_result(self) -> bool:
        return self.output is not None

    @property
    def own_locations(self) -> Mapping[str, str]:
        return {PREDICTIONS: self.output} if self.output else {}
