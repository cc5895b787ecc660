"""A stage that makes a version of a model in the registry."""

from __future__ import annotations

from typing import ClassVar, Literal

from stagewright.stages.base.schema import Serving, Stage
from stagewright.syntax.fields import AwsName, S3Uri


class Register(Stage, Serving):
    """Creates a model package in `group` (made when it is not there)."""

    values: ClassVar[tuple[str, ...]] = ("package",)
    registers_model: ClassVar[bool] = True

    kind: Literal["register"]
    """Always `register`."""
    model: S3Uri
    """The model artifact, usually ${stages.train.model}."""
    group: AwsName | None = None
    """Model package group; the pipeline's name when left out."""
    approval: Literal["manual", "approved", "rejected"] = "manual"
    """`manual` waits for a person; `approved` is for pipelines whose gates decide."""
    content_types: tuple[str, ...] = ("text/csv", "application/json")
    """What the model reads."""
    response_types: tuple[str, ...] = ("application/json", "text/csv")
    """What the model answers."""
    instance_types: tuple[str, ...] = ("ml.m5.large", "ml.m5.xlarge")
    """Instance types that the model may be served on."""
    metrics: S3Uri | None = None
    """S3 URI of a JSON file of model quality statistics, usually a ${stages.X.outputs.Y}/file.json."""

    @property
    def needs_approval(self) -> bool:
        return self.approval != "approved"

    @property
    def main_instance_type(self) -> str | None:
        return self.instance_types[0] if self.instance_types else None

    def package_group(self, pipeline: str) -> str:
        return self.group or pipeline
