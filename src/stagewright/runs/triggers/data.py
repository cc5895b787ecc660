"""Data that arrives: dates from keys, and batches that settle.

A batch is the objects of one trigger with one date. Each arrival moves its end; a message that waits in the
queue looks whether it is over, and, while it is not, sends itself again. The run is asked for first, and the
batch marked as settled then: whatever is lost in between is done again, with the same key, which starts
nothing twice. What arrived before the end of a settled batch was there for its run, so such an event, however
late, starts nothing.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from stagewright.document.triggers import DataTrigger
from stagewright.gateway import Gateway
from stagewright.naming import epoch, timestamp
from stagewright.planner.model import Trigger
from stagewright.runs.own_events import DATA_SETTLING, fired, own_event
from stagewright.store.trigger_state import Batch
from stagewright.syntax.dates import date_in
from stagewright.syntax.durations import seconds

LATENESS = 2
"""Seconds beyond the settling time that the check waits: S3 tells times in whole seconds."""


def wants(trigger: DataTrigger, key: str) -> bool:
    return key.startswith(trigger.prefix) and key.endswith(trigger.suffix)


def date_of(trigger: DataTrigger, key: str, time: str) -> str:
    """The date in the key as ISO 8601 writes it; as found where it is none; the event's day without one."""
    if trigger.date is None:
        return date_in(key) or time[:10]
    found = re.search(trigger.date, key)
    return (date_in(found[1] or "") or found[1] or time[:10]) if found else time[:10]


def single(trigger: DataTrigger, pipeline: str, bucket: str, key: str, version: str, time: str) -> Trigger:
    """The event of one object that starts a run by itself."""
    return Trigger(
        "data",
        f"data:{pipeline}:{key}:{version}",
        time,
        date=date_of(trigger, key, time),
        uri=f"s3://{bucket}/{key}",
    )


def arrived(gateway: Gateway, pipeline: str, trigger: DataTrigger, key: str, time: str) -> None:
    """One object of a batch that has to settle."""
    batch = Batch(pipeline, trigger.filter, date_of(trigger, key, time), time)
    if gateway.trigger_state.record_arrival(batch, time):
        _look_later(gateway, batch)


def check(gateway: Gateway, item: str) -> str | None:
    """Asks for the batch's run where it has settled, and looks again later where it has not.

    The key of the run asked for, if any.
    """
    batch = gateway.trigger_state.batch(item)
    if batch is None or not batch.pending:
        return None
    if _due(batch) > datetime.now(UTC).timestamp():
        _look_later(gateway, batch)
        return None
    event = _settled(gateway, batch)
    gateway.queue.send(fired(gateway.installation, batch.pipeline, batch.trigger, event))
    now = gateway.trigger_state.record_request(batch)
    if now.pending:
        _look_later(gateway, now)
    return event.key


def overdue(gateway: Gateway, before: float) -> list[str]:
    """Items of batches that should have settled before this time (epoch seconds)."""
    return [batch.item for batch in gateway.trigger_state.pending_batches() if _due(batch) <= before]


def _settled(gateway: Gateway, batch: Batch) -> Trigger:
    prefix, suffix = batch.trigger["prefix"], batch.trigger["suffix"]
    what = f"{prefix}*{suffix}" if suffix else prefix
    return Trigger(
        "data",
        f"data:{batch.pipeline}:{what}:{batch.date}:{batch.last}",
        timestamp(datetime.fromtimestamp(_due(batch), UTC)),
        date=batch.date,
        uri=f"s3://{gateway.installation.bucket}/{prefix}",
    )


def _due(batch: Batch) -> float:
    return epoch(batch.last) + seconds(batch.trigger["settle"]) + LATENESS


def _look_later(gateway: Gateway, batch: Batch) -> None:
    now = datetime.now(UTC)
    event = own_event(gateway.installation, DATA_SETTLING, timestamp(now), {"batch": batch.item})
    gateway.queue.send(event, delay=_due(batch) - now.timestamp() + 1)
