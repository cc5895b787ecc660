"""Rules for lambda stages."""

from __future__ import annotations

from collections.abc import Iterator

from stagewright.stages.base.rules import RuleContext, requestless
from stagewright.stages.lambda_function.schema import Function
from stagewright.syntax.findings import Finding, Path


def rules(stage: Function, _context: RuleContext, path: Path) -> Iterator[Finding]:
    """Findings within a lambda stage."""
    yield from requestless(stage, path)
