"""Rules for register stages."""

from __future__ import annotations

from collections.abc import Iterator

from stagewright.stages.base import limits
from stagewright.stages.base.rules import RuleContext, code, serving_image
from stagewright.stages.register.schema import Register
from stagewright.syntax.findings import Finding, Path


def rules(stage: Register, context: RuleContext, path: Path) -> Iterator[Finding]:
    """Findings within a register stage."""
    yield from serving_image(stage, stage.model, context, path)
    for index, instance_type in enumerate(stage.instance_types):
        yield from limits.instance_type(instance_type, (*path, "instance_types", index))
    yield from code(stage.entry_point, stage.include, (*path, "entry_point"))
    yield from limits.environment(stage.environment, {}, limits.SERVING_VARIABLE, (*path, "environment"))
