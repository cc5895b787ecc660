"""Fields of tuning stages: the training job, the ranges and the search."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from stagewright.stages.base.schema import JobService, Log
from stagewright.stages.training.schema import TrainingSpec
from stagewright.syntax.fields import Finite, Flag, Model, PlanNumber, Reference, Scalar, Whole

Scaling = Literal["Auto", "Linear", "Logarithmic", "ReverseLogarithmic"]


class WholeRange(Model):
    """A range of whole numbers."""

    type: Literal["integer"]
    """The type of the range."""
    min: Whole
    """The smallest value."""
    max: Whole
    """The largest value."""
    scaling: Scaling = "Auto"
    """How the search scales the range."""


class NumberRange(Model):
    """A range of numbers."""

    type: Literal["continuous"]
    """The type of the range."""
    min: Finite
    """The smallest value."""
    max: Finite
    """The largest value."""
    scaling: Scaling = "Auto"
    """How the search scales the range."""


class Choice(Model):
    """A list of values."""

    type: Literal["categorical"]
    """The type of the range."""
    values: Annotated[tuple[Scalar, ...], Field(min_length=1, max_length=30)]
    """The values to try."""


Range = Annotated[WholeRange | NumberRange | Choice, Field(discriminator="type")]


class Objective(Model):
    """The metric that the search optimizes."""

    metric: str
    """One of the stage's `metrics`, or a metric that AWS's built-in algorithm reports."""
    goal: Literal["maximize", "minimize"] = "maximize"
    """Whether a larger or a smaller value is better."""


class Tuning(TrainingSpec):
    """Searches for hyperparameters with a SageMaker hyperparameter tuning job. Its result is the model of
    the best training job and that job's hyperparameters. A training stage can use them to train on all of
    the data: see *References*."""

    values: ClassVar[tuple[str, ...]] = ("metrics", "model", "job", "best", "hyperparameters")
    tagged_fields: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "ranges": ("integer", "continuous", "categorical")
    }
    job_service: ClassVar[JobService] = "tuning"
    logs: ClassVar[tuple[Log, ...]] = (Log("/aws/sagemaker/TrainingJobs", "child jobs"),)

    kind: Literal["tuning"]
    """Always `tuning`."""
    objective: Objective
    """The metric that the search optimizes."""
    ranges: Annotated[Mapping[str, Range], Field(min_length=1, max_length=30)]
    """Hyperparameter name -> the values to try."""
    strategy: Literal["Bayesian", "Random", "Grid", "Hyperband"] = "Bayesian"
    """How the search chooses values. Grid accepts only categorical ranges. Hyperband stops training jobs
    early and needs the maximum number of epochs in a hyperparameter, such as `epochs`."""
    max_jobs: Annotated[Annotated[Whole, Field(ge=1, le=750)] | Reference, PlanNumber] = 10
    """Total number of training jobs. Omit it for Grid, which tries every combination."""
    max_parallel_jobs: Annotated[Annotated[Whole, Field(ge=1, le=100)] | Reference, PlanNumber] = 2
    """Number of training jobs that run in parallel."""
    early_stopping: Flag = False
    """Whether SageMaker stops training jobs that are unlikely to be the best."""

    def value_names(self, word: str) -> tuple[str, ...] | None:
        if word == "hyperparameters":
            return (*self.ranges, *self.hyperparameters)
        return super().value_names(word)
