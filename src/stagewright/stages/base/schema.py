"""Fields that several stage kinds share, and the facts that the rest of the program asks of a kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, PrivateAttr

from stagewright.syntax.fields import (
    Accepts,
    Count,
    DefaultText,
    Duration,
    Flag,
    Model,
    Name,
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

JobService = Literal["processing", "training", "tuning", "transform", "glue", "none"]
"""The service job that does a stage's work: a SageMaker job of that type, an AWS Glue job run, or none."""
ElseAction = Literal["fail", "stop", "skip"]
"""What happens to a run when a stage's condition does not hold."""


@dataclass(frozen=True)
class Log:
    """A CloudWatch log group that a stage's work writes to.

    `writer` decides which streams belong to a stage: those of its job, of the jobs that its job starts, of
    the AWS Glue job run, or of the endpoint (then the endpoint's name follows `group`).
    """

    group: str
    writer: Literal["job", "child jobs", "job run", "endpoint"] = "job"


class Retry(Model):
    """How often and when a failed stage is retried."""

    attempts: Annotated[Whole, Field(ge=2, le=MOST_ATTEMPTS)]
    """Total number of attempts. Each attempt has its own job name."""
    wait: Duration = "30s"
    """Wait between a failure and the next attempt."""


class Cache(Model):
    """How long a result can be reused."""

    max_age: Duration
    """Older results are not reused, even if the inputs are the same."""


class Stage(Model):
    """The fields of every stage. The class variables and properties are facts about its kind."""

    if TYPE_CHECKING:
        kind: str

    values: ClassVar[tuple[str, ...]] = ()
    """The words of `${stages.<stage>.<word>}` that stages of this kind offer."""
    tagged_fields: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Field that takes a mapping of models -> the values of `type` that choose the model."""
    folder_fields: ClassVar[tuple[str, ...]] = ()
    """Fields with S3 URIs of folders: an output that they refer to gets a slash at its end."""
    takes_default_environment: ClassVar[bool] = False
    """Whether the stage's job also gets the environment variables of `defaults`."""
    registers_model: ClassVar[bool] = False
    """Whether the stage creates a version of a model in the registry."""
    asks_a_person: ClassVar[bool] = False
    """Whether the stage waits for a person's decision."""
    judges: ClassVar[bool] = False
    """Whether the stage only compares values: it runs its `condition`."""
    job_service: ClassVar[JobService] = "none"
    """The service job that does the stage's work."""
    logs: ClassVar[tuple[Log, ...]] = ()
    """Log groups that the stage's work writes to."""
    quota_purpose: ClassVar[str] = ""
    """The purpose in the name of a service quota: `<instance type> for <purpose> usage`."""

    enabled: Flag = True
    """Whether the stage can run. References to a disabled stage resolve to its last good result."""
    after: tuple[StageName, ...] = ()
    """Stages that must succeed first, in addition to the stages that this stage refers to."""
    for_each: Name | None = None
    """A list in `lists`. The stage then runs once for each of its items, as `<stage>/<item>`. See
    docs/fan-out.md."""
    description: str = ""
    """A description for readers. It has no effect."""
    pin: RunId | None = None
    """A run ID. The stage does not run, and references to it resolve to its result in that run."""
    cache: Flag | Cache = True
    """Whether to reuse a good result with the same inputs. `false`: never. `{max_age: 7d}`: for seven
    days."""
    retry: Retry | None = None
    """How to retry the stage when it fails. Default: no retry."""
    request: Annotated[Mapping[str, Any], Accepts()] = Field(default_factory=dict)
    """Fields that are merged last into the AWS request of the stage, with AWS's names, for options that have
    no field of their own. Settings of the installation, names, roles, and what the stage itself adds cannot
    be changed here: a list must repeat the entries of the stage."""

    _item: str = PrivateAttr("")

    def instance(self, item: str, changes: Mapping[str, Any]) -> Self:
        """Return the stage for one item of its list, with these changes of its fields."""
        copy = self.model_copy(update=changes)
        copy._item = item
        return copy

    def own_name(self, name: str) -> str:
        """Return the name of a resource that outlives the run. An instance has one of its own."""
        return f"{name}-{self._item}" if self._item else name

    @property
    def is_control(self) -> bool:
        """Whether the stage is a gate or an approval: it guards the stages that depend on it."""
        return self.judges or self.asks_a_person

    def value_names(self, word: str) -> tuple[str, ...] | None:  # noqa: ARG002
        """The names that may follow `${stages.<stage>.<word>.`; None if only the run shows them."""
        return ()

    @property
    def condition(self) -> str | tuple[str, ...]:
        """The condition that the stage requires, or several that must all hold. Empty: none."""
        return ()

    @property
    def else_action(self) -> ElseAction:
        """What happens to the run when `condition` does not hold."""
        return "fail"

    @property
    def needs_approval(self) -> bool:
        """Whether the model version that the stage registers waits for a person's approval."""
        return False

    @property
    def registers_rejected(self) -> bool:
        """Whether the stage registers a model version that is rejected from the beginning."""
        return False

    @property
    def overwrites_its_result(self) -> bool:
        """Whether a later run writes its result to the same location as an earlier one."""
        return False

    @property
    def own_locations(self) -> Mapping[str, str]:
        """Output or field -> the S3 URI that the document chooses for it."""
        return {}

    @property
    def main_instance_type(self) -> str | None:
        """The instance type that decides between images with and without GPU support."""
        instance_type: str | None = getattr(self, "instance_type", None)
        return instance_type

    @property
    def training_image(self) -> str | None:
        """The image of the stage's training jobs. None for stages that train nothing."""
        return None

    def package_group(self, pipeline: str) -> str | None:  # noqa: ARG002
        """The model package group that the stage registers versions in. None if it registers nothing."""
        return None

    def endpoint_name(self, pipeline: str, environment: str) -> str | None:  # noqa: ARG002
        """The endpoint that the stage deploys to. None if it deploys nothing."""
        return None


class JobFields(Model):
    """Settings of an installation that a document or a stage may narrow, never widen."""

    subnets: tuple[DefaultText, ...] = ()
    """Subnets of the job, some of those of the installation. Default: all of them."""
    security_groups: tuple[DefaultText, ...] = ()
    """Security groups of the job, some of those of the installation. Default: all of them."""
    network_isolation: Flag = False
    """Whether the container has no network. Default: as in the installation."""
    encrypt_traffic: Flag = False
    """Whether traffic between the containers of a job is encrypted. Default: as in the installation."""
    kms_volume_key: DefaultText = ""
    """ARN of the KMS key of volumes, if the installation has none."""
    kms_output_key: DefaultText = ""
    """ARN of the KMS key of outputs, if the installation has none."""


class Measured(Model):
    """The fields of a stage whose script writes its metrics to a file."""

    metrics_file: str | None = None
    """`<output>/<file>.json`, a JSON object with numbers. Refer to them as
    ${stages.<stage>.metrics.<name>}."""
    metrics: Mapping[Name, str] = Field(default_factory=dict)
    """Metric -> path of its number in `metrics_file`: `mse: regression_metrics.mse.value`. A list index is
    `[0]`, a name with special characters `['a b']`. A path without a number fails the stage. Default: the
    numbers at the top level of the file, with their names."""

    @property
    def metric_names(self) -> tuple[str, ...] | None:
        """The names of the metrics; None if only the file shows them."""
        return tuple(self.metrics) or (None if self.metrics_file else ())


class Compute(JobFields):
    """The resources of a job. Omitted fields use the document's `defaults`."""

    image: PlanText | None = None
    """An alias (`sklearn-1.4`) or a full image URI."""
    instance_type: PlanText | None = None
    """A SageMaker instance type, such as `ml.m5.xlarge`."""
    instance_count: Count = 1
    """Number of instances."""
    volume_size_gb: Annotated[Annotated[Whole, Field(ge=1, le=16_384)] | Reference, PlanNumber] = 30
    """Disk size of each instance, in GB."""
    max_runtime_seconds: Seconds = 3600
    """Time limit in seconds. When it is reached, the job is stopped and the stage fails."""


class Defaults(JobFields):
    """Values for the fields that a stage omits."""

    image: DefaultText | None = None
    """An alias (`sklearn-1.4`) or a full image URI."""
    instance_type: DefaultText | None = None
    """A SageMaker instance type, such as `ml.m5.xlarge`."""
    environment: Mapping[str, DefaultText] = Field(default_factory=dict)
    """Environment variables of every job."""
    tags: Mapping[str, DefaultText] = Field(default_factory=dict)
    """Tags of every resource that a run creates."""


class Serving(Model):
    """How a model artifact is served. A model package or a SageMaker model includes these settings."""

    model: Served
    """The model to serve."""
    image: PlanText | None = None
    """The serving image, as an alias (`sklearn-1.4`) or a full URI. Only for a model artifact. Default: the
    image that trained the model."""
    entry_point: str | None = None
    """Only for a model artifact: the script with model_fn and, optionally, input_fn, predict_fn and
    output_fn. The container imports the script, so put training code under `if __name__ == "__main__":`.
    PyTorch, Hugging Face and TensorFlow containers load scripts from `code/` in the artifact only."""
    include: tuple[str, ...] = ()
    """More files or folders for the script, relative to the code folder."""
    environment: Mapping[str, Text] = Field(default_factory=dict)
    """Environment variables of the serving container."""
