"""Fields of training stages, and of the training jobs of tuning stages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from stagewright.stages.base.schema import Compute, JobService, Log, Stage
from stagewright.syntax.fields import Accepts, Name, S3Uri, Scalar, Text


class TrainingSpec(Stage, Compute):
    """The definition of a training job: of a training stage, or of each job of a tuning stage."""

    folder_fields: ClassVar[tuple[str, ...]] = ("channels",)
    takes_default_environment: ClassVar[bool] = True
    logs: ClassVar[tuple[Log, ...]] = (Log("/aws/sagemaker/TrainingJobs"),)
    quota_purpose: ClassVar[str] = "training job"

    entry_point: str | None = None
    """The training script, relative to the code folder. It gets the hyperparameters as arguments. A
    requirements.txt at the root of the code folder is installed first."""
    include: tuple[str, ...] = ()
    """More files or folders for the script, relative to the code folder."""
    channels: Mapping[Name, S3Uri] = Field(default_factory=dict)
    """Channel name -> S3 URI or reference. The job reads it at /opt/ml/input/data/<name>."""
    hyperparameters: Mapping[str, Annotated[Scalar, Accepts(as_text=True)]] = Field(default_factory=dict)
    """Hyperparameter name -> value."""
    environment: Mapping[str, Text] = Field(default_factory=dict)
    """Environment variables, in addition to those of `defaults`."""
    metrics: Mapping[Name, str] = Field(default_factory=dict)
    """Metric name -> regular expression with one group, which SageMaker applies to the job's log."""

    def value_names(self, word: str) -> tuple[str, ...] | None:
        return tuple(self.metrics) if word == "metrics" else ()

    @property
    def training_image(self) -> str | None:
        return self.image


class Training(TrainingSpec):
    """Trains a model with a SageMaker training job. With `entry_point`, the job runs in script mode."""

    values: ClassVar[tuple[str, ...]] = ("metrics", "model", "job")
    job_service: ClassVar[JobService] = "training"

    kind: Literal["training"]
    """Always `training`."""
