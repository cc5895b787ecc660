"""A stage that serves a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from stagewright.spec.model import Count, Name, Stage


class Endpoint(Stage):
    """Makes the endpoint be what the document says: created the first time, updated afterwards, and awaited."""

    kind: Literal["endpoint"]
    model: str
    """A model package (${stages.register.package}) or a model artefact (${stages.train.model})."""
    name: Name | None = None
    """Endpoint name; the pipeline's name and the environment when left out."""
    instance_type: str | None = None
    instance_count: Count = 1
    image: str | None = None
    """Only for a model artefact: a package brings its own."""
    entry_point: str | None = None
    """Only for a model artefact: the script with model_fn."""
    include: tuple[str, ...] = ()
    environment: Mapping[str, str] = Field(default_factory=dict)
    max_wait_seconds: int = Field(default=1800, ge=60, le=14_400)
    """The stage fails when the endpoint is not in service after this many seconds."""
