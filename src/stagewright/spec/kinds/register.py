"""A stage that makes a version of a model in the registry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from stagewright.spec.model import AwsName, PlanText, S3Uri, Stage, Text


class Register(Stage):
    """Creates a model package in `group` (made when it is not there)."""

    kind: Literal["register"]
    """Always `register`."""
    model: S3Uri
    """The model artefact, usually ${stages.train.model}."""
    group: AwsName | None = None
    """Model package group; the pipeline's name when left out."""
    approval: Literal["manual", "approved", "rejected"] = "manual"
    """`manual` waits for a person; `approved` is for pipelines whose gates decide."""
    image: PlanText | None = None
    """An alias (`sklearn-1.4`) or a full image URI of the serving container."""
    entry_point: str | None = None
    """The script with model_fn (and input_fn, predict_fn, output_fn); the training script often has them.
    It is imported to be served, so what trains stands under `if __name__ == "__main__":`."""
    include: tuple[str, ...] = ()
    """More files or folders, relative to the code folder, put beside the script."""
    environment: Mapping[str, Text] = Field(default_factory=dict)
    """Environment variables of the serving container."""
    content_types: tuple[str, ...] = ("text/csv", "application/json")
    """What the model reads."""
    response_types: tuple[str, ...] = ("application/json", "text/csv")
    """What the model answers."""
    instance_types: tuple[str, ...] = ("ml.m5.large", "ml.m5.xlarge")
    """Instance types that the model may be served on."""
    metrics: S3Uri | None = None
    """S3 URI of a JSON file of model quality statistics, usually a ${stages.X.outputs.Y}/file.json."""
