"""A run and its stages, as commands show them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from stagewright.errors import NotFoundError
from stagewright.planner.model import Trigger
from stagewright.runs.usage import RunCost, StageUsage
from stagewright.store.run_items import OPEN, AttemptItem
from stagewright.syntax.findings import nearest


@dataclass(frozen=True)
class StageRecord:
    """One stage of a run. Times are ISO 8601 UTC text, empty before they are known.

    `status` is PLANNED, RUNNING, WAITING (for an approval), SUCCEEDED, FAILED, REUSED, CLOSED (a gate that
    did not fail the run), SKIPPED (disabled, or behind such a gate), STOPPED (with the run) or NOT_RUN
    (because the run failed).

    wave, chain, position  the position in the plan, -1 if the stage does not run
    part                   the part of its chain, 0 if the chain has one part
    detail                 what the service reports about an active job, or what the stage waits for
    attempts               the most attempts
    failed_attempts        the attempts that failed and were retried
    reused_from            the run whose result the stage reuses
    unmatched_metrics      metrics of a training stage whose expressions matched no output
    remedy                 what to do about the failure, if its words have one likely cause
    definition             the Glue job of a Glue stage
    used                   what the jobs of the stage used and cost. None: it is not counted yet
    """

    name: str
    kind: str
    action: str
    reason: str
    status: str
    wave: int = -1
    chain: int = -1
    position: int = -1
    part: int = 0
    started: str = ""
    ended: str = ""
    seconds: float | None = None
    job: str = ""
    detail: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    result: Mapping[str, Any] = field(default_factory=dict)
    fingerprint: str = ""
    attempt: int = 0
    attempts: int = 1
    failed_attempts: tuple[AttemptItem, ...] = ()
    error: str = ""
    cause: str = ""
    remedy: str = ""
    reused_from: str = ""
    unmatched_metrics: tuple[str, ...] = ()
    definition: str = ""
    used: StageUsage | None = None


@dataclass(frozen=True)
class RunRecord:
    """One run. `status` is QUEUED, PLANNED, RUNNING, SUCCEEDED, FAILED, STOPPED or REJECTED.

    `waits_for` is the run that a QUEUED run waits for, empty if it is next. `cost` is what the run used and
    cost, None until it is counted. Only `show` sets `stages` and
    `resumed_by`, the runs that resume this one. Only `with_lineage` sets `lineage`, the release's origin.
    """

    run: str
    pipeline: str
    partition: str
    status: str
    trigger: Trigger
    release: str
    revision: int
    created: str
    started: str = ""
    ended: str = ""
    seconds: float | None = None
    reason: str = ""
    execution: str = ""
    plan: str = ""
    waits_for: str = ""
    cost: RunCost | None = None
    resumed_by: tuple[str, ...] = ()
    stages: tuple[StageRecord, ...] = ()
    lineage: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    def stage(self, name: str) -> StageRecord:
        """Return a stage. Raises NotFoundError if the run has no stage of this name."""
        for stage in self.stages:
            if stage.name == name:
                return stage
        remedy = nearest(name, (stage.name for stage in self.stages), "its stages") or "it has none"
        raise NotFoundError(f"{self.run} has no stage {name}", remedy)


def between(started: str, ended: str) -> float | None:
    """Return the seconds between two times, None if one is empty."""
    if not started or not ended:
        return None
    return (datetime.fromisoformat(ended) - datetime.fromisoformat(started)).total_seconds()


def age(since: str) -> float | None:
    """Return the seconds since a time, None if it is empty."""
    return (datetime.now(UTC) - datetime.fromisoformat(since)).total_seconds() if since else None
