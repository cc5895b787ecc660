"""."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from stagewright.stages.approval.schema import Approval
from stagewright.stages.base.rules import _requestless
from stagewright.syntax.durations import seconds
from stagewright.syntax.findings import Finding, Path

if TYPE_CHECKING:
    from stagewright.document.pipeline import Pipeline
LONGEST_WAIT = 365 * 86_400
"""Seconds: no execution of Step Functions lasts longer than a year (its quotas)."""


def _approval(stage: Approval, pipeline: Pipeline, path: Path) -> Iterator[Finding]:
    yield from _requestless(stage, pipeline, path)
    if seconds(stage.timeout) > LONGEST_WAIT:
        yield Finding((*path, "timeout"), f"{stage.timeout} is more than a year", "at most 365d")
    if stage.retry:
        message = "nobody is asked twice: a rejection is an answer, and so is none"
        yield Finding((*path, "retry"), message, "leave it out, or give more time with timeout")
