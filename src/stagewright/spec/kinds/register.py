"""A stage that makes a version of a model in the registry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from stagewright.spec.model import Name, Stage


class Register(Stage):
    """Creates a model package in `group` (made when it is not there)."""

    kind: Literal["register"]
    model: str
    """The model artefact, usually ${stages.train.model}."""
    group: Name | None = None
    """Model package group; the pipeline's name when left out."""
    approval: Literal["manual", "approved", "rejected"] = "manual"
    """`manual` waits for a person; `approved` is for pipelines whose gates decide."""
    image: str | None = None
    entry_point: str | None = None
    """The script with model_fn (and input_fn, predict_fn, output_fn); the training script often has them."""
    include: tuple[str, ...] = ()
    environment: Mapping[str, str] = Field(default_factory=dict)
    content_types: tuple[str, ...] = ("text/csv", "application/json")
    response_types: tuple[str, ...] = ("application/json", "text/csv")
    instance_types: tuple[str, ...] = ("ml.m5.large", "ml.m5.xlarge")
    """Instance types that the model may be served on."""
    metrics: str | None = None
    """S3 URI of a JSON file of model quality statistics, usually a ${stages.X.outputs.Y}/file.json."""
