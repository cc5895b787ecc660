"""."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from stagewright.stages.base import limits
from stagewright.stages.base.rules import _serving_image
from stagewright.stages.register.schema import Register
from stagewright.syntax.findings import Finding, Path

if TYPE_CHECKING:
    from stagewright.document.pipeline import Pipeline


def _register(stage: Register, pipeline: Pipeline, path: Path) -> Iterator[Finding]:
    yield from _serving_image(stage, stage.model, pipeline, path)
    for index, instance_type in enumerate(stage.instance_types):
        yield from limits.instance_type(instance_type, (*path, "instance_types", index))
