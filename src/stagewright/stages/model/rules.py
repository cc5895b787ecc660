"""."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from stagewright.stages.base.rules import _served
from stagewright.stages.model.schema import ModelStage
from stagewright.syntax.findings import Finding, Path

if TYPE_CHECKING:
    from stagewright.document.pipeline import Pipeline


def _model(stage: ModelStage, pipeline: Pipeline, path: Path) -> Iterator[Finding]:
    yield from _served(stage, stage.model, pipeline, path)
