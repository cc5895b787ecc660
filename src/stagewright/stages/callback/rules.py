"""Rules for callback stages."""

from __future__ import annotations

from collections.abc import Iterator

from stagewright.stages.base.rules import RuleContext, requestless
from stagewright.stages.callback.schema import Callback
from stagewright.syntax.durations import seconds
from stagewright.syntax.findings import Finding, Path

LONGEST_WAIT = 365 * 86_400
"""Seconds. An execution lasts at most one year ("Step Functions service quotas")."""


def rules(stage: Callback, _context: RuleContext, path: Path) -> Iterator[Finding]:
    """Findings within a callback stage."""
    yield from requestless(stage, path)
    if stage.queue.endswith(".fifo"):
        message = f"{stage.queue} is a FIFO queue, whose messages need a group"
        yield Finding((*path, "queue"), message, "use a standard queue")
    if seconds(stage.timeout) > LONGEST_WAIT:
        yield Finding((*path, "timeout"), f"{stage.timeout} is longer than one year", "use at most 365d")
