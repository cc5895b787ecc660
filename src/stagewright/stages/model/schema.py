"""A stage that makes a SageMaker model."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from stagewright.stages.base.schema import Serving, Stage
from stagewright.syntax.fields import Accepts, PlanText


class ModelStage(Stage, Serving):
    """Creates a model that transforms use by its name. Costs nothing until it is used."""

    values: ClassVar[tuple[str, ...]] = ("name",)

    kind: Literal["model"]
    """Always `model`."""
    model: Annotated[str, Accepts(("package", "uri", "text"))]
    """A model package (${stages.register.package}) or a model artifact (${stages.train.model})."""
    instance_type: PlanText | None = None
    """An instance type that it is to be used on: an alias then stands for the image with or without GPU
    support."""
