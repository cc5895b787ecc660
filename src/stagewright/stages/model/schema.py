"""Fields of model stages."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from stagewright.stages.base.schema import Serving, Stage
from stagewright.syntax.fields import Accepts, PlanText


class ModelStage(Stage, Serving):
    """Creates a SageMaker model. Transform stages use it by name. A model has no cost until it is used."""

    values: ClassVar[tuple[str, ...]] = ("name",)

    kind: Literal["model"]
    """Always `model`."""
    model: Annotated[str, Accepts(("package", "uri", "text"))]
    """A model package (${stages.register.package}) or a model artifact (${stages.train.model})."""
    instance_type: PlanText | None = None
    """The instance type that the model will run on. An image alias then selects the image with or without GPU
    support."""
