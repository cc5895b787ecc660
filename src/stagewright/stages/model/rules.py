"""Rules for model stages."""

from __future__ import annotations

from collections.abc import Iterator

from stagewright.stages.base import limits
from stagewright.stages.base.rules import RuleContext, code, served
from stagewright.stages.model.schema import ModelStage
from stagewright.syntax.findings import Finding, Path


def rules(stage: ModelStage, context: RuleContext, path: Path) -> Iterator[Finding]:
    """Findings within a model stage."""
    yield from served(stage, stage.model, context, path)
    yield from code(stage.entry_point, stage.include, (*path, "entry_point"))
    yield from limits.environment(stage.environment, {}, limits.SERVING_VARIABLE, (*path, "environment"))
