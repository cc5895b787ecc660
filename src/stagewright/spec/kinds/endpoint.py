"""A stage that serves a model."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from stagewright.spec.model import AwsName, Count, PlanText, Serving, Stage, Takes, Whole


class Endpoint(Stage, Serving):
    """Makes the endpoint be what the document says: created at first, updated afterwards, and awaited."""

    kind: Literal["endpoint"]
    """Always `endpoint`."""
    model: Annotated[str, Takes(("package", "uri", "text"))]
    """A model package (${stages.register.package}) or a model artefact (${stages.train.model})."""
    name: AwsName | None = None
    """Endpoint name; the pipeline's name and the environment when left out."""
    instance_type: PlanText | None = None
    """A SageMaker instance type, such as `ml.m5.large`."""
    instance_count: Count = 1
    """Instances that serve."""
    max_wait_seconds: Annotated[Whole, Field(ge=60, le=14_400)] = 1800
    """The stage fails when the endpoint is not in service after this many seconds."""
