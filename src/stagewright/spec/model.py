"""The pipeline document: what a user writes, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, Strict, StringConstraints

ValueType = Literal["text", "number", "flag", "uri", "package", "model"]
ANY: tuple[ValueType, ...] = ("text", "number", "flag", "uri", "package", "model")
Known = Literal["plan", "run"]


@dataclass(frozen=True)
class Takes:
    """Which `${...}` references a field takes. A field without this takes none.

    `types`: of the value. `known`: "plan" where the value must be there before the run starts.
    `roots`: first words of the references allowed, where not all are. `as_text`: AWS takes the value as text,
    so that a number which only the run knows cannot be the whole of it.
    """

    types: tuple[ValueType, ...] = ANY
    known: Known = "run"
    roots: tuple[str, ...] = ()
    as_text: bool = False


INSTALLATION_ROOTS = ("account", "bucket", "environment", "pipeline", "region", "run", "trigger")

NAME_RULES = {
    (PIPELINE_NAME := r"^[a-z](-?[a-z0-9])*$"): "small letters, digits and single hyphens, a letter first",
    (NAME := r"^[A-Za-z0-9](-?[A-Za-z0-9_])*$"): "letters, digits, underscores and single hyphens",
    (AWS_NAME := r"^[A-Za-z0-9](-*[A-Za-z0-9])*$"): "letters, digits and hyphens",
    (REFERENCE := r"^\$\{[^${}]+\}$"): "a reference such as ${parameters.size}",
    (DURATION := r"^[1-9][0-9]{0,5}[smhdw]$"): "a number and one of s, m, h, d, w, such as 10m or 7d",
    (RUN := r"^[a-z0-9-]+-\d{8}t\d{6}-[0-9a-f]{6}$"): "the id of a run",
}
"""Pattern -> the same in words, for messages and the reference."""

PipelineName = Annotated[str, StringConstraints(pattern=PIPELINE_NAME, max_length=40)]
StageName = Annotated[str, StringConstraints(pattern=PIPELINE_NAME, max_length=32)]
Name = Annotated[str, StringConstraints(pattern=NAME, max_length=64)]
AwsName = Annotated[str, StringConstraints(pattern=AWS_NAME, max_length=63)]
"""Names of endpoints and model package groups: botocore's model, EndpointName and EntityName."""

Reference = Annotated[str, StringConstraints(pattern=REFERENCE)]
Duration = Annotated[str, StringConstraints(pattern=DURATION)]
RunId = Annotated[str, StringConstraints(pattern=RUN)]
Flag = Annotated[bool, Strict()]
Whole = Annotated[int, Strict()]
Finite = Annotated[float, Strict(), Field(allow_inf_nan=False)]
Scalar = bool | int | float | str

Text = Annotated[str, Takes(as_text=True)]
PlanText = Annotated[str, Takes(known="plan")]
DefaultText = Annotated[str, Takes(known="plan", roots=(*INSTALLATION_ROOTS, "parameters", "partition"))]
S3Uri = Annotated[str, Takes(("uri", "text"))]
Served = Annotated[str, Takes(("package", "uri", "model", "text"))]
"""What can be served: a model package, a model artefact, or a SageMaker model by its name."""
PlanNumber = Takes(("number",), known="plan")

Count = Annotated[Annotated[Whole, Field(ge=1)] | Reference, PlanNumber]
Seconds = Annotated[Annotated[Whole, Field(ge=1, le=2_419_200)] | Reference, PlanNumber]
"""At most 28 days: StoppingCondition.MaxRuntimeInSeconds in the SageMaker API reference."""


class Model(BaseModel):
    """Frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


MOST_ATTEMPTS = 10


class Retry(Model):
    """How often, and when, a stage that failed is tried again."""

    attempts: Annotated[Whole, Field(ge=2, le=MOST_ATTEMPTS)]
    """Attempts in all. Each has a job name of its own."""
    wait: Duration = "30s"
    """Time between a failure and the next attempt."""


class Cache(Model):
    """How long a result may be used again."""

    max_age: Duration
    """A good result that is older does not count, whatever went in."""


class Stage(Model):
    """What every stage has."""

    enabled: Flag = True
    """Off: the stage does not run, and references to it resolve to its last good result."""
    after: tuple[StageName, ...] = ()
    """Stages that must end well first, beyond those it refers to."""
    description: str = ""
    """For people."""
    pin: RunId | None = None
    """This run's result stands for the stage, which does not run: references resolve to it."""
    cache: Flag | Cache = True
    """Whether a good result with the same inputs is used again: `false` never, `{max_age: 7d}` for a time."""
    retry: Retry | None = None
    """A stage that fails is tried again. Left out: never."""
    request: Annotated[Mapping[str, Any], Takes()] = Field(default_factory=dict)
    """Merged last into the raw AWS request of this stage (VPC, KMS, spot, tags ...), with AWS's own names."""


class Compute(Model):
    """Where a job runs. What a stage leaves out comes from the document's `defaults`."""

    image: PlanText | None = None
    """An alias (`sklearn-1.4`) or a full image URI."""
    instance_type: PlanText | None = None
    """A SageMaker instance type, such as `ml.m5.xlarge`."""
    instance_count: Count = 1
    """Instances that the job runs on."""
    volume_size_gb: Annotated[Annotated[Whole, Field(ge=1, le=16_384)] | Reference, PlanNumber] = 30
    """Size of the job's disk in GB."""
    max_runtime_seconds: Seconds = 3600
    """The job is stopped, and the stage fails, after this many seconds."""


class Defaults(Model):
    """Used by every stage that does not say otherwise."""

    image: DefaultText | None = None
    """An alias (`sklearn-1.4`) or a full image URI."""
    instance_type: DefaultText | None = None
    """A SageMaker instance type, such as `ml.m5.xlarge`."""
    environment: Mapping[str, DefaultText] = Field(default_factory=dict)
    """Environment variables of every job."""
    tags: Mapping[str, DefaultText] = Field(default_factory=dict)
    """Tags on everything that a run makes."""


class Serving(Model):
    """How a model artefact is served. A model package, and a model, bring all of this with them."""

    model: Served
    """What is served."""
    image: PlanText | None = None
    """An alias (`sklearn-1.4`) or a full image URI of the serving container. Only for a model artefact, where
    the image that it was trained with will not do."""
    entry_point: str | None = None
    """Only for a model artefact: the script with model_fn (and input_fn, predict_fn, output_fn). It is
    imported to be served, so what trains stands under `if __name__ == "__main__":`."""
    include: tuple[str, ...] = ()
    """More files or folders, relative to the code folder, put beside the script."""
    environment: Mapping[str, Text] = Field(default_factory=dict)
    """Environment variables of the serving container."""
