"""A stage that searches for hyperparameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from stagewright.stages.base.schema import JobService, Log
from stagewright.stages.training.schema import TrainingSpec
from stagewright.syntax.fields import Finite, Flag, Model, PlanNumber, Reference, Scalar, Whole

Scaling = Literal["Auto", "Linear", "Logarithmic", "ReverseLogarithmic"]


class WholeRange(Model):
    """Whole numbers from `min` to `max`."""

    type: Literal["integer"]
    """How the values lie."""
    min: Whole
    """The smallest."""
    max: Whole
    """The largest."""
    scaling: Scaling = "Auto"
    """How the search spreads over the range."""


class NumberRange(Model):
    """Numbers from `min` to `max`."""

    type: Literal["continuous"]
    """How the values lie."""
    min: Finite
    """The smallest."""
    max: Finite
    """The largest."""
    scaling: Scaling = "Auto"
    """How the search spreads over the range."""


class Choice(Model):
    """One of some values."""

    type: Literal["categorical"]
    """How the values lie."""
    values: Annotated[tuple[Scalar, ...], Field(min_length=1, max_length=30)]
    """The values."""


Range = Annotated[WholeRange | NumberRange | Choice, Field(discriminator="type")]


class Objective(Model):
    """What the search is for."""

    metric: str
    """One of the stage's `metrics`; of an algorithm of AWS's, one that it reports by itself."""
    goal: Literal["maximize", "minimize"] = "maximize"
    """Whether more is better."""


class Tuning(TrainingSpec):
    """Runs as a SageMaker hyperparameter tuning job. What it gives is the model of its best training job, and
    the hyperparameters that it was made with, for a training stage on all of the data: see *References*."""

    values: ClassVar[tuple[str, ...]] = ("metrics", "model", "job", "best", "hyperparameters")
    tagged_fields: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "ranges": ("integer", "continuous", "categorical")
    }
    job_service: ClassVar[JobService] = "tuning"
    logs: ClassVar[tuple[Log, ...]] = (Log("/aws/sagemaker/TrainingJobs", "child jobs"),)

    kind: Literal["tuning"]
    """Always `tuning`."""
    objective: Objective
    """What the search is for."""
    ranges: Annotated[Mapping[str, Range], Field(min_length=1, max_length=30)]
    """Hyperparameter -> the values to try."""
    strategy: Literal["Bayesian", "Random", "Grid", "Hyperband"] = "Bayesian"
    """How the next values are chosen. Grid takes categorical ranges only; Hyperband stops training jobs by
    the epochs that they report, and has to know how many there are at most: a hyperparameter `epochs`."""
    max_jobs: Annotated[Annotated[Whole, Field(ge=1, le=750)] | Reference, PlanNumber] = 10
    """Training jobs in all. Not for Grid, which tries every combination."""
    max_parallel_jobs: Annotated[Annotated[Whole, Field(ge=1, le=100)] | Reference, PlanNumber] = 2
    """Training jobs side by side."""
    early_stopping: Flag = False
    """Whether jobs that will not be the best are stopped."""

    def value_names(self, word: str) -> tuple[str, ...] | None:
        if word == "hyperparameters":
            return (*self.ranges, *self.hyperparameters)
        return super().value_names(word)
