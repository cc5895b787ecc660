"""Fields of endpoint stages: the model, its instances, the update, alarms and smoke test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from stagewright.stages.base.schema import Log, Serving, Stage
from stagewright.syntax.fields import Accepts, AwsName, Count, Duration, Model, PlanText, S3Uri, Whole

Metric = Literal[
    "Invocation4XXErrors",
    "Invocation5XXErrors",
    "Invocations",
    "InvocationModelErrors",
    "ModelLatency",
    "OverheadLatency",
]


class Alarm(Model):
    """A CloudWatch alarm on a metric of the endpoint. It is created before the update and deleted after a
    successful deployment of a document without it. An update that starts while the alarm is active is rolled
    back."""

    metric: Metric
    """A SageMaker metric of the endpoint."""
    threshold: float
    """The alarm goes off above this value. Latencies are in microseconds."""
    statistic: Literal["Average", "Sum", "Minimum", "Maximum", "SampleCount"] | None = None
    """The statistic of a period. Default: Average for latencies, otherwise Sum."""
    period: Duration = "1m"
    """Length of a period in whole minutes."""
    evaluate: Annotated[Whole, Field(ge=1, le=1440)] = 1
    """Number of consecutive periods above the threshold."""


class Update(Model):
    """How traffic moves to a new version. SageMaker watches the document's alarms during `wait` and
    `bake`. If one goes off, all traffic moves back and the stage fails."""

    type: Literal["all-at-once", "canary", "linear"] = "all-at-once"
    """`all-at-once` moves all traffic, `canary` one part and then the rest, `linear` one part after
    another."""
    size: Annotated[Whole, Field(ge=1, le=50)] | None = None
    """Size of a part in percent. For a linear update at least 10."""
    instances: Annotated[Whole, Field(ge=1)] | None = None
    """Size of a part in instances. At most half of the instances."""
    wait: Duration = "5m"
    """Wait between two parts, at most 1h. Has no effect for `all-at-once`."""
    bake: Duration | None = None
    """How long the old version keeps running after the last part, at most 1h. Default: `10m` with alarms,
    otherwise 0."""


class Expected(Model):
    """The expected response. An error response always fails the test."""

    contains: str | None = None
    """A text that the response contains."""
    max_latency: Annotated[float, Field(gt=0, le=60)] | None = None
    """Maximum latency in seconds, as the function that sends the request measures it."""


class SmokeTest(Model):
    """One request to the new version. If it fails, the stage fails, and the previous configuration is
    restored or the new endpoint is deleted."""

    body: Annotated[str, Field(min_length=1, max_length=60_000)] | None = None
    """The body of the request."""
    file: S3Uri | None = None
    """S3 URI of a file of at most 6 MiB with the body. Use either `body` or `file`."""
    content_type: str = "application/json"
    """Content type of the request."""
    accept: str = "application/json"
    """Content type of the response."""
    expect: Expected = Expected()
    """The expected response. Default: any response without an error."""


class Capture(Model):
    """Stores the endpoint's requests and responses in S3 (SageMaker data capture)."""

    percent: Annotated[Whole, Field(ge=1, le=100)] = 100
    """Percentage of requests to store."""
    destination: Annotated[str, Accepts(("uri", "text"), known="plan")] | None = None
    """Your own S3 URI. Default: `s3://<bucket>/captured/<pipeline>/<stage>`."""


class Endpoint(Stage, Serving):
    """Deploys a model to a SageMaker endpoint and waits until it is in service. Creates the endpoint in the
    first deployment and updates it in later ones."""

    values: ClassVar[tuple[str, ...]] = ("endpoint",)
    logs: ClassVar[tuple[Log, ...]] = (Log("/aws/sagemaker/Endpoints/", "endpoint"),)
    quota_purpose: ClassVar[str] = "endpoint"

    kind: Literal["endpoint"]
    """Always `endpoint`."""
    model: Annotated[str, Accepts(("package", "uri", "text"))]
    """A model package (${stages.register.package}) or a model artifact (${stages.train.model})."""
    name: AwsName | None = None
    """Endpoint name. Default: `<pipeline>-<environment>`. With `for_each`, `-<item>` follows. If you change
    the name, a new endpoint is created and the old one stays until you delete it."""
    instance_type: PlanText | None = None
    """A SageMaker instance type, such as `ml.m5.large`."""
    instance_count: Count = 1
    """Number of instances."""
    update: Update | None = None
    """How traffic moves to a new version. Default: all at once."""
    alarms: Annotated[Mapping[AwsName, Alarm], Field(max_length=10)] = Field(default_factory=dict)
    """Alarm name -> a CloudWatch alarm that rolls back an update."""
    smoke_test: SmokeTest | None = None
    """A request that the new version must answer as expected."""
    capture: Capture | None = None
    """Stores requests and responses in S3. Default: off."""
    keep: Annotated[Whole, Field(ge=0, le=20)] = 2
    """Number of earlier versions (configuration and model) to keep for rollback. Older versions are deleted
    after a successful deployment."""
    time_to_live: Duration | None = None
    """Time after the last deployment when the endpoint is deleted. Default: never."""
    max_wait_seconds: Annotated[Whole, Field(ge=60, le=14_400)] = 1800
    """Time limit in seconds, in addition to the waits of `update`. The stage fails if the endpoint is not in
    service by then."""

    @property
    def overwrites_its_result(self) -> bool:
        return True

    def endpoint_name(self, pipeline: str, environment: str) -> str:
        return self.own_name(self.name or f"{pipeline}-{environment}")
