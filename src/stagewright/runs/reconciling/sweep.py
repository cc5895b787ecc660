"""One sweep: what the checks of `reconcile` look at, and what they repaired."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from stagewright.gateway import Gateway
from stagewright.naming import epoch
from stagewright.runs.settings import Runtime
from stagewright.store.run_items import Header

HELD_AT_MOST = 3600
"""Seconds that a run may hold its pipeline's lease without an execution."""
OPEN_LIMIT = 50_000
"""Open runs that one sweep checks, oldest first."""


@dataclass(frozen=True)
class Repair:
    """One repair: requeued, fired, ticked, started, closed, finished, decided, granted, notified
    or expired.

    `ids`: run and pipeline for the log, as far as the repair is about one.
    """

    what: str
    subject: str
    ids: Mapping[str, str] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class Sweep:
    """One sweep. `before`: epoch seconds; what is newer is left to the usual way.

    `open_runs`: as they were before the first repair, so that no check repairs what another one has started.
    """

    runtime: Runtime
    before: float
    open_runs: tuple[Header, ...]

    @property
    def gateway(self) -> Gateway:
        return self.runtime.gateway

    def is_late(self, header: Header) -> bool:
        return created(header) <= self.before


Candidates = Iterator[tuple[str, Callable[[], Repair | None]]]
"""Subjects to look at, each with its own action. The action returns None if there was nothing to repair."""


def created(header: Header) -> float:
    return epoch(header.created)


def ids_of(header: Header) -> dict[str, Any]:
    return {"run": header.run, "pipeline": header.pipeline}


def is_recent(since: str) -> bool:
    return time.time() - epoch(since) < HELD_AT_MOST
