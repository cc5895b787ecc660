"""A stage that serves a model."""

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
    """A CloudWatch alarm on one of the endpoint's metrics. It is made before the update that it watches, and
    stays until a good deployment of a document without it. An update that begins while it is in alarm is
    rolled back."""

    metric: Metric
    """A metric of the endpoint, as SageMaker calls it."""
    threshold: float
    """The alarm trips above it. Latencies are in microseconds."""
    statistic: Literal["Average", "Sum", "Minimum", "Maximum", "SampleCount"] | None = None
    """What is made of a period's values; Average of a latency and Sum of all else when left out."""
    period: Duration = "1m"
    """Length of a period, in whole minutes."""
    evaluate: Annotated[Whole, Field(ge=1, le=1440)] = 1
    """Periods that must be above the threshold, one after another."""


class Update(Model):
    """How traffic moves to a new version. The document's alarms are watched while it waits and bakes; one
    that trips brings all of the traffic back and fails the stage."""

    type: Literal["all-at-once", "canary", "linear"] = "all-at-once"
    """All of the traffic, a part of it and then the rest, or part after part."""
    size: Annotated[Whole, Field(ge=1, le=50)] | None = None
    """The part, in percent; of a linear update at least 10."""
    instances: Annotated[Whole, Field(ge=1)] | None = None
    """The part, in instances; at most half of them."""
    wait: Duration = "5m"
    """Time between two parts, at most 1h. An update all at once has none."""
    bake: Duration | None = None
    """Time that the old version stays beside the new one after the last part, at most 1h; `10m` where there
    are alarms and it is left out, else none."""


class Expected(Model):
    """What a good answer is. An answer that is an error is never one."""

    contains: str | None = None
    """A text that the answer holds."""
    max_latency: Annotated[float, Field(gt=0, le=60)] | None = None
    """Seconds that the answer may take, with the state machine's own, some tenths of a second."""


class SmokeTest(Model):
    """One request to the new version. Where it fails the configuration before is put back, or a new endpoint
    deleted, and the stage fails."""

    body: Annotated[str, Field(min_length=1, max_length=60_000)] | None = None
    """What is sent."""
    file: S3Uri | None = None
    """Or the S3 URI of a file of at most 64 KiB of text that is sent."""
    content_type: str = "application/json"
    """Of what is sent."""
    accept: str = "application/json"
    """Content type wanted back."""
    expect: Expected = Expected()
    """What the answer must be; any answer that is no error, when left out."""


class Capture(Model):
    """Keeps what the endpoint is asked and answers, in S3 (SageMaker's data capture)."""

    percent: Annotated[Whole, Field(ge=1, le=100)] = 100
    """Share of the requests that is kept."""
    destination: Annotated[str, Accepts(("uri", "text"), known="plan")] | None = None
    """S3 URI of one's own; `s3://<bucket>/captured/<pipeline>/<stage>` when left out."""


class Endpoint(Stage, Serving):
    """Makes the endpoint be what the document says: created at first, updated afterwards, and awaited."""

    values: ClassVar[tuple[str, ...]] = ("endpoint",)
    needs_approved_model: ClassVar[bool] = True
    logs: ClassVar[tuple[Log, ...]] = (Log("/aws/sagemaker/Endpoints/", "endpoint"),)
    quota_purpose: ClassVar[str] = "endpoint"

    kind: Literal["endpoint"]
    """Always `endpoint`."""
    model: Annotated[str, Accepts(("package", "uri", "text"))]
    """A model package (${stages.register.package}) or a model artifact (${stages.train.model})."""
    name: AwsName | None = None
    """Endpoint name; the pipeline's name and the environment when left out. Another name makes another
    endpoint; the one before stays until it is deleted."""
    instance_type: PlanText | None = None
    """A SageMaker instance type, such as `ml.m5.large`."""
    instance_count: Count = 1
    """Instances that serve."""
    update: Update | None = None
    """How traffic moves to a new version; all at once when left out."""
    alarms: Annotated[Mapping[AwsName, Alarm], Field(max_length=10)] = Field(default_factory=dict)
    """Name -> a CloudWatch alarm that an update rolls back on."""
    smoke_test: SmokeTest | None = None
    """A request to the new version that must be answered well."""
    capture: Capture | None = None
    """Keeps requests and answers in S3. Left out: none."""
    keep: Annotated[Whole, Field(ge=0, le=20)] = 2
    """Earlier versions (configuration and model) that are kept to go back to. Older ones are removed after a
    good deployment."""
    time_to_live: Duration | None = None
    """The endpoint is deleted this long after its last deployment. Left out: never."""
    max_wait_seconds: Annotated[Whole, Field(ge=60, le=14_400)] = 1800
    """The stage fails when the endpoint is not in service after this many seconds and the waits of
    `update`."""

    @property
    def overwrites_its_result(self) -> bool:
        return True

    def endpoint_name(self, pipeline: str, environment: str) -> str:
        return self.name or f"{pipeline}-{environment}"
