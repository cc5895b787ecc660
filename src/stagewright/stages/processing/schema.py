"""Fields of processing stages: a script or command, its inputs and its outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from stagewright.stages.base.schema import Compute, JobService, Log, Stage
from stagewright.syntax.fields import Accepts, Name, PlanNumber, Reference, S3Uri, Text, Whole


class Processing(Stage, Compute):
    """Runs a script or a container's command as a SageMaker processing job."""

    values: ClassVar[tuple[str, ...]] = ("outputs", "metrics", "job")
    folder_fields: ClassVar[tuple[str, ...]] = ("inputs",)
    takes_default_environment: ClassVar[bool] = True
    job_service: ClassVar[JobService] = "processing"
    logs: ClassVar[tuple[Log, ...]] = (Log("/aws/sagemaker/ProcessingJobs"),)
    quota_purpose: ClassVar[str] = "processing job"

    kind: Literal["processing"]
    """Always `processing`."""
    instance_count: Annotated[Annotated[Whole, Field(ge=1, le=100)] | Reference, PlanNumber] = 1
    """Number of instances."""
    max_runtime_seconds: Annotated[Annotated[Whole, Field(ge=1, le=777_600)] | Reference, PlanNumber] = 3600
    """Time limit in seconds. When it is reached, the job is stopped and the stage fails."""
    code: str | None = None
    """The script, relative to the code folder. `.py` runs with python3, `.sh` with /bin/bash. The script
    gets no SM_ variables, and requirements.txt is not installed. To install packages, use a `.sh` script
    that calls pip."""
    include: tuple[str, ...] = ()
    """More files or folders for the script, relative to the code folder."""
    entrypoint: tuple[Text, ...] = ()
    """The container's command, for custom images. Use either `code` or `entrypoint`."""
    arguments: tuple[Text, ...] = ()
    """Arguments of the script or command."""
    environment: Mapping[str, Text] = Field(default_factory=dict)
    """Environment variables, in addition to those of `defaults`."""
    inputs: Mapping[Name, S3Uri] = Field(default_factory=dict)
    """Input name -> S3 URI or reference. The job reads it at /opt/ml/processing/input/<name>."""
    outputs: tuple[Name, ...] | Mapping[Name, Annotated[str, Accepts(("uri", "text"), known="plan")]] = ()
    """Output names, or output name -> your own S3 URI. The job writes to /opt/ml/processing/output/<name>."""
    metrics_file: str | None = None
    """`<output>/<file>.json`, a JSON object of numbers. Refer to them as ${stages.<stage>.metrics.<name>}."""

    def value_names(self, word: str) -> tuple[str, ...] | None:
        if word == "metrics":
            return None if self.metrics_file else ()
        return tuple(self.outputs) if word == "outputs" else ()

    @property
    def overwrites_its_result(self) -> bool:
        return isinstance(self.outputs, Mapping)
