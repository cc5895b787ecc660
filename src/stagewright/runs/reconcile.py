"""Repair what was missed: events are best effort, and a function can die between two steps.

The sweeper runs every five minutes. Each check finds one kind of unfinished work and repairs it as
`lifecycle` or `closing` would have done it, so a check can run at any moment, twice, or at the same time.

check                what it finds                             its repair
unclaimed_manifests  pushes newer than every claimed one       sends the newest one's event again, which
                                                               claims all of them, oldest first
overdue_batches      a data batch whose window is over         requests its run
missed_ticks         no tick for more than a minute            ticks
open_runs            a planned run without an execution        advances it; fails it after an hour
                     a running run whose execution has ended   closes it
                     a decided approval not carried out        carries it out
awaiting_runs        an approved version without its run       sends its event again
                     a run whose versions are all decided      takes it off the list
decisions            an unannounced wait for a person         sends a notice with the evidence
unfinished_runs      an ended run whose notice or release was  stops a late execution, releases its queue,
                     missed                                    notifies people
uncounted_runs       an ended run whose jobs were stopping      records what it used and cost; a count is no
                     or could not be read                      repair
bypass_notices       a bypassed control that was not announced sends the notice
run_queues           a free lease                              grants it to the next run
                     a holder that has not started             sends `Run Ready`; fails it after the last try
expired_endpoints    an endpoint whose time to live is over    deletes it
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from stagewright.errors import StagewrightError
from stagewright.formats import FormatError
from stagewright.runs.reconciling.follow_ups import (
    awaiting_runs,
    bypass_notices,
    decisions,
    expired_endpoints,
    uncounted_runs,
    unfinished_runs,
)
from stagewright.runs.reconciling.intake import missed_ticks, overdue_batches, unclaimed_manifests
from stagewright.runs.reconciling.open_runs import open_runs, run_queues
from stagewright.runs.reconciling.sweep import OPEN_LIMIT, Candidates, Repair, Sweep
from stagewright.runs.settings import Runtime
from stagewright.store.run_items import Header

PATIENCE = 120
"""Seconds that the usual way has before something counts as missed."""
CHECKS: tuple[Callable[[Sweep], Candidates], ...] = (
    unclaimed_manifests,
    overdue_batches,
    missed_ticks,
    open_runs,
    awaiting_runs,
    decisions,
    unfinished_runs,
    uncounted_runs,
    bypass_notices,
    run_queues,
    expired_endpoints,
)


def reconcile(runtime: Runtime, patience: float = PATIENCE) -> list[Repair]:
    """Run every check. Returns and logs the repairs.

    A repair that fails does not stop the others. StagewrightError: names the failed ones, at the end.
    """
    repairs: list[Repair] = []
    failed: list[str] = []
    sweep = Sweep(runtime, time.time() - patience, _open_runs(runtime, failed))
    for subject, act in (candidate for check in CHECKS for candidate in _candidates(check, sweep)):
        try:
            repair = act()
        except Exception as error:
            runtime.log.exception("repair failed", subject=subject)
            failed.append(f"{subject}: {error}")
            continue
        if repair:
            details: dict[str, Any] = {"repair": repair.what, "subject": repair.subject, **repair.ids}
            runtime.log.warning("repaired", metric="Repairs", value=1, **details)
            repairs.append(repair)
    if failed:
        raise StagewrightError(
            f"{len(failed)} repairs failed: {'; '.join(failed)}", "the next sweep tries again"
        )
    return repairs


def _open_runs(runtime: Runtime, failed: list[str]) -> tuple[Header, ...]:
    """List the open runs. An item of a later version must not stop the checks of everything else."""
    try:
        return runtime.gateway.runs.open_runs(OPEN_LIMIT)
    except FormatError as error:
        runtime.log.exception("open runs not read")
        failed.append(str(error))
        return ()


def _candidates(check: Callable[[Sweep], Candidates], sweep: Sweep) -> Candidates:
    """Yield the candidates of a check. If it cannot list them, yield that failure."""
    try:
        yield from check(sweep)
    except FormatError as error:
        yield check.__name__, partial(_raise, error)


def _raise(error: Exception) -> Repair | None:
    raise error
