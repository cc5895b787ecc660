"""A run and its stages as people are told of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from stagewright.errors import NotFoundError
from stagewright.planner.model import Trigger
from stagewright.store.runs import OPEN, AttemptItem
from stagewright.syntax.findings import nearest


@dataclass(frozen=True)
class StageRecord:
    """One stage of one run. Times are ISO 8601 UTC text, empty where there is none.

    `status`: PLANNED, RUNNING, WAITING (for a person's approval), SUCCEEDED, FAILED, REUSED, CLOSED (a gate
    that did not fail the run), SKIPPED (off, or shut out by such a gate), STOPPED (the run was stopped) or
    NOT_RUN (the run failed before). `wave`, `chain`, `position`: its place in the plan, -1 where it does not
    run. `attempts`: the most that there may be; `earlier`: those that failed and were followed by another.
    `reused_from`: the run whose result stands for it. `detail`: what the service says of a job at work, or
    what is waited for. `definition`: the Glue job that it is a run of.
    `unseen`: metrics of a training stage whose expressions matched nothing that it printed.
    """

    name: str
    kind: str
    action: str
    reason: str
    status: str
    wave: int = -1
    chain: int = -1
    position: int = -1
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
    earlier: tuple[AttemptItem, ...] = ()
    error: str = ""
    cause: str = ""
    reused_from: str = ""
    unseen: tuple[str, ...] = ()
    definition: str = ""


@dataclass(frozen=True)
class RunRecord:
    """One run. `status`: QUEUED, PLANNED, RUNNING, SUCCEEDED, FAILED, STOPPED, REFUSED.

    Only from `show`: `stages`, and `resumed_by`, the runs that went on with this one. `waits_for`: the run
    whose end a QUEUED one waits for; empty where its turn has come. Only from `with_lineage`: `lineage`,
    where its release comes from.
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
    resumed_by: tuple[str, ...] = ()
    stages: tuple[StageRecord, ...] = ()
    lineage: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    def stage(self, name: str) -> StageRecord:
        """NotFoundError where the run has no such stage."""
        for stage in self.stages:
            if stage.name == name:
                return stage
        remedy = nearest(name, (stage.name for stage in self.stages), "its stages") or "it has none"
        raise NotFoundError(f"{self.run} has no stage {name}", remedy)


def between(started: str, ended: str) -> float | None:
    """Seconds; None while one of the two is not there."""
    if not started or not ended:
        return None
    return (datetime.fromisoformat(ended) - datetime.fromisoformat(started)).total_seconds()


def age(since: str) -> float | None:
    return (datetime.now(UTC) - datetime.fromisoformat(since)).total_seconds() if since else None
