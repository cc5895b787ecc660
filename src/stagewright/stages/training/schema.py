"""Fields of training stages, and of the training jobs of tuning stages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from stagewright.stages.base.schema import Compute, JobService, Log, Stage
from stagewright.syntax.fields import (
    Accepts,
    Duration,
    Flag,
    Model,
    Name,
    PlanText,
    S3Uri,
    Scalar,
    Seconds,
    Text,
)

LONGEST = 2_419_200
"""Seconds of a training job at most: 28 days (StoppingCondition, API reference)."""


class Channel(Model):
    """A channel with settings of its own."""

    uri: S3Uri
    """S3 URI or reference."""
    content_type: PlanText | None = None
    """The MIME type of the files. The built-in XGBoost needs `text/csv` for CSV; its default is libsvm."""
    distribution: Literal["full", "sharded"] = "full"
    """`full`: every instance gets all files. `sharded`: each instance gets its part of them."""
    mode: Literal["file", "fast_file"] = "file"
    """`file`: the files are copied before the script starts. `fast_file`: AWS streams them when they are
    read."""


class TrainingSpec(Stage, Compute):
    """The definition of a training job: of a training stage, or of each job of a tuning stage."""

    folder_fields: ClassVar[tuple[str, ...]] = ("channels",)
    takes_default_environment: ClassVar[bool] = True
    logs: ClassVar[tuple[Log, ...]] = (Log("/aws/sagemaker/TrainingJobs"),)
    quota_purpose: ClassVar[str] = "training job"

    entry_point: str | None = None
    """The training script, relative to the code folder. It gets the hyperparameters as arguments. A
    requirements.txt at the root of the code folder is installed first. An XGBoost image without it trains
    with AWS's built-in algorithm."""
    include: tuple[str, ...] = ()
    """More files or folders for the script, relative to the code folder."""
    channels: Mapping[Name, S3Uri | Channel] = Field(default_factory=dict)
    """Channel name -> S3 URI or reference, or `{uri: ..., content_type: text/csv}`. The job reads it at
    /opt/ml/input/data/<name>."""
    hyperparameters: Mapping[str, Annotated[Scalar, Accepts(as_text=True)]] = Field(default_factory=dict)
    """Hyperparameter name -> value."""
    environment: Mapping[str, Text] = Field(default_factory=dict)
    """Environment variables, in addition to those of `defaults`."""
    spot: Flag = False
    """Whether training jobs run on managed Spot instances. SageMaker restarts an interrupted job."""
    max_wait_seconds: Seconds | None = None
    """Time limit in seconds of a Spot job, with the wait for instances. At least `max_runtime_seconds`.
    Default: twice `max_runtime_seconds`."""
    metrics: Mapping[Name, str] = Field(default_factory=dict)
    """Metric name -> regular expression with one group, which SageMaker applies to the job's log. A built-in
    algorithm has its own metrics, such as `validation:rmse`."""

    @property
    def named_channels(self) -> dict[str, Channel]:
        """Channel name -> the channel, also if only its URI is written."""
        return {
            name: item if isinstance(item, Channel) else Channel(uri=item)
            for name, item in self.channels.items()
        }

    def value_names(self, word: str) -> tuple[str, ...] | None:
        if word != "metrics":
            return ()
        # A container without a script may be an algorithm of AWS, which has metrics of its own.
        return tuple(self.metrics) or (() if self.entry_point else None)

    @property
    def longest_wait(self) -> int:
        """Seconds that a Spot job may take with its waits."""
        return int(self.max_wait_seconds or min(2 * int(self.max_runtime_seconds), LONGEST))

    @property
    def training_image(self) -> str | None:
        return self.image


class Training(TrainingSpec):
    """Trains a model with a SageMaker training job. With `entry_point`, the job runs in script mode."""

    values: ClassVar[tuple[str, ...]] = ("metrics", "model", "job")
    job_service: ClassVar[JobService] = "training"

    kind: Literal["training"]
    """Always `training`."""
    keep_alive: Duration | None = None
    """How long the instances stay for a following job with the same settings (a managed warm pool), at most
    1h. They cost as if they ran. Not with `spot`."""
    checkpoints: Flag | Annotated[str, Accepts(("uri", "text"), known="plan")] | None = None
    """Whether the files in /opt/ml/checkpoints are kept in S3, and restored when the job is restarted or
    retried, or your own S3 URI for them. Default: yes with `spot`."""

    @property
    def keeps_checkpoints(self) -> bool:
        return self.spot if self.checkpoints is None else bool(self.checkpoints)

    @property
    def own_locations(self) -> Mapping[str, str]:
        return {"checkpoints": self.checkpoints} if isinstance(self.checkpoints, str) else {}
