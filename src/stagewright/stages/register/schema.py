"""Fields of register stages."""

from __future__ import annotations

from typing import ClassVar, Literal

from stagewright.stages.base.schema import Serving, Stage
from stagewright.syntax.fields import AwsName, S3Uri


class Register(Stage, Serving):
    """Registers a version of a model: a model package in `group`. Creates the group if it does not exist."""

    values: ClassVar[tuple[str, ...]] = ("package",)
    registers_model: ClassVar[bool] = True

    kind: Literal["register"]
    """Always `register`."""
    model: S3Uri
    """The model artifact, usually ${stages.train.model}."""
    group: AwsName | None = None
    """Model package group. Default: the pipeline's name. With `for_each`, `-<item>` follows."""
    approval: Literal["manual", "approved", "rejected"] = "manual"
    """Approval status of the new version. `manual` waits for a person. Use `approved` if gates decide."""
    content_types: tuple[str, ...] = ("text/csv", "application/json")
    """Content types that the model accepts."""
    response_types: tuple[str, ...] = ("application/json", "text/csv")
    """Content types that the model returns."""
    instance_types: tuple[str, ...] = ("ml.m5.large", "ml.m5.xlarge")
    """Instance types that can serve the model."""
    metrics: S3Uri | None = None
    """S3 URI of a JSON file with model quality statistics, usually ${stages.X.outputs.Y}/file.json."""

    @property
    def needs_approval(self) -> bool:
        return self.approval != "approved"

    @property
    def registers_rejected(self) -> bool:
        return self.approval == "rejected"

    @property
    def main_instance_type(self) -> str | None:
        return self.instance_types[0] if self.instance_types else None

    def package_group(self, pipeline: str) -> str:
        return self.own_name(self.group or pipeline)
