"""."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from stagewright.syntax.fields import (
    Accepts,
    Count,
    DefaultText,
    Duration,
    Flag,
    Model,
    PlanNumber,
    PlanText,
    Reference,
    RunId,
    Seconds,
    Served,
    StageName,
    Text,
    Whole,
)

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
    request: Annotated[Mapping[str, Any], Accepts()] = Field(default_factory=dict)
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
    """How a model artifact is served. A model package, and a model, bring all of this with them."""

    model: Served
    """What is served."""
    image: PlanText | None = None
    """An alias (`sklearn-1.4`) or a full image URI of the serving container. Only for a model artifact, where
    the image that it was trained with will not do."""
    entry_point: str | None = None
    """Only for a model artifact: the script with model_fn (and input_fn, predict_fn, output_fn). It is
    imported to be served, so what trains stands under `if __name__ == "__main__":`."""
    include: tuple[str, ...] = ()
    """More files or folders, relative to the code folder, put beside the script."""
    environment: Mapping[str, Text] = Field(default_factory=dict)
    """Environment variables of the serving container."""
