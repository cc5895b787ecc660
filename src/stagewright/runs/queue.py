"""Runs of one pipeline take turns: one of them holds the pipeline's lease, the others wait in line.

A run is put in line in the transaction that claims its trigger's key. Whoever puts one in line, or frees the
lease, looks afterwards whose turn it is: all of it is read consistently, so that one of the two sees what the
other did. The lease of a run that is over counts for nothing. What a death between two steps leaves undone,
the event's redelivery or the sweeper does by looking again.
"""

from __future__ import annotations

from datetime import UTC, datetime

from stagewright.errors import TargetError
from stagewright.gateway import Gateway
from stagewright.naming import timestamp
from stagewright.planner.model import Trigger
from stagewright.runs.own_events import TURN_CAME, own_event
from stagewright.store.run_queue import QueueEntry, lease_item
from stagewright.store.runs import Header

UNTURNED = frozenset({"backfill"})
"""Types of triggers whose runs wait for nobody: they have a limit of their own."""
TRIES = 20
"""Of one look at whose turn it is, where others change that all the time."""


def takes_turns(trigger: Trigger) -> bool:
    return trigger.type not in UNTURNED


def line_up(gateway: Gateway, header: Header) -> bool:
    """Claims the key for a run that waits; False where somebody has claimed it."""
    return gateway.runs.claim(header, QueueEntry.of(header).item)


def seize(gateway: Gateway, header: Header) -> tuple[bool, str]:
    """Claims the key for a run that does not wait: whether that was done, and if not, for which run of the
    pipeline; empty where the key is claimed already."""
    for _ in range(TRIES):
        if gateway.runs.claim(header, lease_item(header.pipeline, header.run)):
            return True, ""
        if gateway.runs.claimed(header.trigger.key) is not None:
            return False, ""
        if holder := call(gateway, header.pipeline):
            return False, holder
    raise _restless(header.pipeline)


def call(gateway: Gateway, pipeline: str, caller: str = "") -> str:
    """The run whose turn it is, empty where there is none; it is told, unless it is the caller itself."""
    for _ in range(TRIES):
        lease = gateway.run_queue.lease(pipeline)
        if lease and _is(gateway, lease.holder, "QUEUED", "PLANNED", "RUNNING"):
            return lease.holder
        entry = next(gateway.run_queue.entries(pipeline, 1), None)
        if entry is None:
            if lease:
                gateway.run_queue.release(pipeline, lease.holder)
            return ""
        if not _is(gateway, entry.run, "QUEUED"):
            gateway.run_queue.delete(entry)
        elif gateway.run_queue.grant(entry, lease.holder if lease else ""):
            if entry.run != caller:
                tell(gateway, entry.run)
            return entry.run
    raise _restless(pipeline)


def leave(gateway: Gateway, header: Header) -> None:
    """For a run that is over: the next one's turn has come. `header` as it was before its end."""
    if not takes_turns(header.trigger):
        return
    if header.status == "QUEUED":
        gateway.run_queue.delete(QueueEntry.of(header))
    gateway.run_queue.release(header.pipeline, header.run)
    call(gateway, header.pipeline)


def tell(gateway: Gateway, run: str) -> None:
    """Has the router look at the run: to plan and start it, or to stop those that it does not wait for."""
    gateway.queue.send(own_event(gateway.installation, TURN_CAME, timestamp(datetime.now(UTC)), {"run": run}))


def _is(gateway: Gateway, run: str, *statuses: str) -> bool:
    header = gateway.runs.header(run)
    return header is not None and header.status in statuses


def _restless(pipeline: str) -> TargetError:
    return TargetError(f"whose turn it is among the runs of {pipeline} changes all the time", "try again")
