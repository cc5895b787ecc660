"""Fields of processing stages: a script or command, its inputs and its outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from stagewright.stages.base.schema import Compute, JobService, Log, Measured, Stage
from stagewright.syntax.fields import (
    CONTAINER_FOLDER,
    Accepts,
    Model,
    Name,
    PlanNumber,
    Reference,
    S3Uri,
    Text,
    Whole,
)

INPUT = "/opt/ml/processing/input"
OUTPUT = "/opt/ml/processing/output"
ContainerPath = Annotated[str, Field(pattern=CONTAINER_FOLDER, max_length=256)]
"""A folder of the container (ProcessingS3Input and ProcessingS3Output, SageMaker API reference)."""


class ProcessingInput(Model):
    """An input at a folder of your choice."""

    uri: S3Uri
    """S3 URI or reference."""
    path: ContainerPath | None = None
    """The folder that the job reads. Default: /opt/ml/processing/input/<name>."""
    distribution: Literal["full", "sharded"] = "full"
    """`full`: every instance gets all files. `sharded`: each instance gets its part of them."""


class ProcessingOutput(Model):
    """An output at a folder of your choice."""

    uri: Annotated[str, Accepts(("uri", "text"), known="plan")] | None = None
    """Your own S3 URI. Default: a folder of the run."""
    path: ContainerPath | None = None
    """The folder that the job writes to. Default: /opt/ml/processing/output/<name>."""
    upload: Literal["end_of_job", "continuous"] = "end_of_job"
    """`continuous`: AWS uploads files while the job runs."""


class Processing(Stage, Compute, Measured):
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
    inputs: Mapping[Name, S3Uri | ProcessingInput] = Field(default_factory=dict)
    """Input name -> S3 URI or reference, or `{uri: ..., path: ...}`. Without `path`, the job reads it at
    /opt/ml/processing/input/<name>."""
    outputs: (
        tuple[Name, ...]
        | Mapping[Name, Annotated[str, Accepts(("uri", "text"), known="plan")] | ProcessingOutput]
    ) = ()
    """Output names, or output name -> your own S3 URI or `{uri: ..., path: ...}`. Without `path`, the job
    writes to /opt/ml/processing/output/<name>."""

    def value_names(self, word: str) -> tuple[str, ...] | None:
        if word == "metrics":
            return self.metric_names
        return tuple(self.outputs) if word == "outputs" else ()

    @property
    def overwrites_its_result(self) -> bool:
        return any(output.uri for output in self.named_outputs.values())

    @property
    def own_locations(self) -> Mapping[str, str]:
        return {name: output.uri for name, output in self.named_outputs.items() if output.uri}

    @property
    def named_inputs(self) -> dict[str, ProcessingInput]:
        """Input name -> the input with its path, also if only its URI is written."""
        items = {
            name: item if isinstance(item, ProcessingInput) else ProcessingInput(uri=item)
            for name, item in self.inputs.items()
        }
        return {
            name: item.model_copy(update={"path": item.path or f"{INPUT}/{name}"})
            for name, item in items.items()
        }

    @property
    def named_outputs(self) -> dict[str, ProcessingOutput]:
        """Output name -> the output with its path, also if only its name or its URI is written."""
        written = self.outputs if isinstance(self.outputs, Mapping) else dict.fromkeys(self.outputs)
        items = {
            name: item if isinstance(item, ProcessingOutput) else ProcessingOutput(uri=item)
            for name, item in written.items()
        }
        return {
            name: item.model_copy(update={"path": item.path or f"{OUTPUT}/{name}"})
            for name, item in items.items()
        }
