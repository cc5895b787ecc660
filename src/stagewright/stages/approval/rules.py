"""Rules for approval stages."""

from __future__ import annotations

from collections.abc import Iterator

from stagewright.stages.approval.schema import Approval
from stagewright.stages.base.rules import RuleContext, requestless
from stagewright.syntax.durations import seconds
from stagewright.syntax.findings import Finding, Path

LONGEST_WAIT = 365 * 86_400
"""Seconds. An execution lasts at most one year ("Step Functions service quotas")."""


def rules(stage: Approval, _context: RuleContext, path: Path) -> Iterator[Finding]:
    """Findings within an approval stage."""
    yield from requestless(stage, path)
    if seconds(stage.timeout) > LONGEST_WAIT:
        yield Finding((*path, "timeout"), f"{stage.timeout} is longer than one year", "use at most 365d")
    if stage.retry:
        message = "an approval cannot be retried: a rejection or a timeout is final"
        yield Finding((*path, "retry"), message, "leave it out, or increase timeout")
