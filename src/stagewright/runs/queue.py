"""The run queue: one run of a pipeline holds the pipeline's lease, the others wait in the order of their
events.

A run enters the queue in the transaction that claims its trigger key. Enqueuing a run and releasing the lease
are both followed by `grant_next`. All its reads are consistent, so one of two concurrent callers sees what
the other wrote. A lease whose holder has ended counts as free. If a function dies between two of these steps,
a redelivery or the sweeper calls `grant_next` again.
"""

from __future__ import annotations

from stagewright.errors import TargetError
from stagewright.gateway import Gateway
from stagewright.planner.model import Trigger
from stagewright.runs.own_events import run_ready
from stagewright.store.run_items import OPEN, Header
from stagewright.store.run_queue import QueueEntry, lease_item

UNQUEUED = frozenset({"backfill"})
"""Trigger types whose runs never wait: a backfill limits how many of its runs are open."""
ATTEMPTS = 20
"""How often one call retries while other callers change the queue."""


def uses_queue(trigger: Trigger) -> bool:
    return trigger.type not in UNQUEUED


def enqueue(gateway: Gateway, header: Header) -> bool:
    """Claim the trigger key and add the run to the queue. False: the key is already claimed."""
    return gateway.runs.claim(header, QueueEntry.of(header).item)


def acquire(gateway: Gateway, header: Header) -> tuple[bool, str]:
    """Claim the trigger key together with the lease, for a run that does not wait.

    Returns whether this call claimed the key, and the active run that holds the lease instead. (False, ""):
    the key is already claimed.
    """
    for _ in range(ATTEMPTS):
        if gateway.runs.claim(header, lease_item(header.pipeline, header.run)):
            return True, ""
        if gateway.runs.claimed(header.trigger.key) is not None:
            return False, ""
        if holder := grant_next(gateway, header.pipeline):
            return False, holder
    raise _contention(header.pipeline)


def grant_next(gateway: Gateway, pipeline: str, caller: str = "") -> str:
    """Grant the lease to the first waiting run, if it is free. Returns the holder; empty: there is none.

    A new holder is sent `Run Ready`, unless it is the `caller`.
    """
    for _ in range(ATTEMPTS):
        lease = gateway.run_queue.lease(pipeline)
        if lease and _has_status(gateway, lease.holder, *OPEN):
            return lease.holder
        entry = next(gateway.run_queue.entries(pipeline, 1), None)
        if entry is None:
            if lease:
                gateway.run_queue.release(pipeline, lease.holder)
            return ""
        if not _has_status(gateway, entry.run, "QUEUED"):
            gateway.run_queue.delete(entry)
        elif gateway.run_queue.grant(entry, lease.holder if lease else ""):
            if entry.run != caller:
                send_run_ready(gateway, entry.run)
            return entry.run
    raise _contention(pipeline)


def release(gateway: Gateway, header: Header) -> None:
    """Remove an ended run from the queue and grant the lease to the next. Safe to repeat."""
    if not uses_queue(header.trigger):
        return
    if not header.execution:
        gateway.run_queue.delete(QueueEntry.of(header))
    gateway.run_queue.release(header.pipeline, header.run)
    grant_next(gateway, header.pipeline)


def send_run_ready(gateway: Gateway, run: str) -> None:
    """Make the router advance a run: to plan and start it, or to stop the runs that it supersedes."""
    gateway.queue.send(run_ready(gateway.installation, run))


def _has_status(gateway: Gateway, run: str, *statuses: str) -> bool:
    header = gateway.runs.header(run)
    return header is not None and header.status in statuses


def _contention(pipeline: str) -> TargetError:
    return TargetError(f"the run queue of {pipeline} kept changing for {ATTEMPTS} attempts", "try again")
