"""The pipeline document: what a user writes, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

REFERENCE = r"^\$\{[^${}]+\}$"

PipelineName = Annotated[str, StringConstraints(pattern=r"^[a-z](-?[a-z0-9])*$", max_length=40)]
StageName = Annotated[str, StringConstraints(pattern=r"^[a-z](-?[a-z0-9])*$", max_length=32)]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9](-?[A-Za-z0-9_])*$", max_length=64)]
Reference = Annotated[str, StringConstraints(pattern=REFERENCE)]
Count = Annotated[int, Field(ge=1)] | Reference
Seconds = Annotated[int, Field(ge=1, le=432_000)] | Reference
Scalar = bool | int | float | str


class Model(BaseModel):
    """Frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, use_attribute_docstrings=True)


class Stage(Model):
    """What every stage has."""

    enabled: bool = True
    """Off: the stage does not run, and references to it resolve to its last good result."""
    after: tuple[StageName, ...] = ()
    """Stages that must end well first, beyond those it refers to."""
    description: str = ""
    request: Mapping[str, Any] = Field(default_factory=dict)
    """Merged last into the raw AWS request of this stage (VPC, KMS, spot, tags ...), in AWS's own field names."""


class Compute(Model):
    """Where a job runs. What a stage leaves out comes from the document's `defaults`."""

    image: str | None = None
    """An alias (`sklearn-1.4`) or a full image URI."""
    instance_type: str | None = None
    """A SageMaker instance type, such as `ml.m5.xlarge`."""
    instance_count: Count = 1
    volume_size_gb: Annotated[int, Field(ge=1, le=16_384)] | Reference = 30
    """Size of the job's disk in GB."""
    max_runtime_seconds: Seconds = 3600
    """The job is stopped, and the stage fails, after this many seconds."""


class Defaults(Model):
    """Used by every stage that does not say otherwise."""

    image: str | None = None
    instance_type: str | None = None
    environment: Mapping[str, str] = Field(default_factory=dict)
    """Environment variables of every job."""
    tags: Mapping[str, str] = Field(default_factory=dict)
    """Tags on everything that a run makes."""


class CodeTrigger(Model):
    """A pushed release starts a run."""

    type: Literal["code"]


Trigger = CodeTrigger
