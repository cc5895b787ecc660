"""A stage that predicts for whole files."""

from __future__ import annotations

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
"""The one output of a transform stage."""


class Transform(Stage, Serving):
    """Runs as a SageMaker batch transform job."""

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
    """S3 URI of the files to predict for, usually a ${stages.X.outputs.Y}."""
    output: Annotated[str, Accepts(("uri", "text"), known="plan")] | None = None
    """S3 URI of one's own for the predictions, which are ${stages.<stage>.outputs.predictions}."""
    content_type: str = "text/csv"
    """What the files hold."""
    accept: str | None = None
    """What the model is asked to answer; as `content_type` where `join` or `output_filter` is given."""
    split_by: Literal["None", "Line", "RecordIO", "TFRecord"] = "Line"
    """How a file is cut into records; `None` sends it whole."""
    assemble_with: Literal["None", "Line"] | None = None
    """How answers are joined into a file; as `split_by` has it where that is `Line`."""
    strategy: Literal["MultiRecord", "SingleRecord"] = "MultiRecord"
    """Records sent at once: as many as `max_payload_mb` holds, or one. Not where `split_by` is `None`."""
    max_payload_mb: Annotated[Annotated[Whole, Field(ge=0, le=100)] | Reference, PlanNumber] = 6
    """Size of what is sent at once, in MB."""
    max_concurrent: Annotated[Annotated[Whole, Field(ge=0, le=100)] | Reference, PlanNumber] = 1
    """Requests that an instance answers side by side; 0 leaves it to the container."""
    input_filter: str | None = None
    """JSONPath of the part of a record that the model gets, such as `$[1:]`."""
    output_filter: str | None = None
    """JSONPath of the part of record and answer that is kept, such as `$[0,-1]`."""
    join: Flag = False
    """Whether an answer is joined to its record."""
    instance_type: PlanText | None = None
    """A SageMaker instance type, such as `ml.m5.xlarge`."""
    instance_count: Count = 1
    """Instances that predict."""
    max_runtime_seconds: Seconds = 3600
    """The job is stopped, and the stage fails, after this many seconds, waiting for instances included."""

    def value_names(self, word: str) -> tuple[str, ...] | None:
        return (PREDICTIONS,) if word == "outputs" else ()

    @property
    def overwrites_its_result(self) -> bool:
        return self.output is not None
