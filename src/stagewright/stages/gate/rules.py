"""Rules for gate stages."""

from __future__ import annotations

from collections.abc import Iterator

from stagewright.stages.base.rules import RuleContext, requestless
from stagewright.stages.gate.schema import Gate
from stagewright.syntax.findings import Finding, Path


def rules(stage: Gate, _context: RuleContext, path: Path) -> Iterator[Finding]:
    """Findings within a gate stage."""
    yield from requestless(stage, path)
