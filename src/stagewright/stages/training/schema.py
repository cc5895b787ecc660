"""A stage that fits a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from stagewright.stages.base.schema import Compute, Stage
from stagewright.syntax.fields import Accepts, Name, S3Uri, Scalar, Text


class Trains(Compute):
    """What a training job is made from."""

    entry_point: str | None = None
    """The script, relative to the code folder; hyperparameters arrive as its arguments. A requirements.txt
    beside it, at the root of the code folder, is installed before it starts."""
    include: tuple[str, ...] = ()
    """More files or folders, relative to the code folder, put beside the script."""
    channels: Mapping[Name, S3Uri] = Field(default_factory=dict)
    """Channel name -> S3 URI (or reference), found by the job at /opt/ml/input/data/<name>."""
    hyperparameters: Mapping[str, Annotated[Scalar, Accepts(as_text=True)]] = Field(default_factory=dict)
    """Hyperparameter -> value."""
    environment: Mapping[str, Text] = Field(default_factory=dict)
    """Environment variables, beside those of `defaults`."""
    metrics: Mapping[Name, str] = Field(default_factory=dict)
    """Metric name -> regular expression with one group, searched in the job's log."""


class Training(Stage, Trains):
    """Runs as a SageMaker training job, in script mode where `entry_point` is given."""

    kind: Literal["training"]
    """Always `training`."""
