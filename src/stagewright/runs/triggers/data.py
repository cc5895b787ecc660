"""Data triggers: dates from object keys, and batches with a debounce window.

A batch is the objects of one trigger and one date. Its window ends when no object has arrived for the time
`settle`. Every object moves the end. A delayed message checks whether the window is over; if not, it sends
itself again. The run is requested first, then the batch is marked as requested. If a function dies in
between, the next check requests the run again with the same key, which starts no second run. An event that is
older than the end of a requested batch starts nothing: its object was there for that run.
"""

from __future__ import annotations

from datetime import UTC, datetime

from stagewright.document.trigger_checks import date_pattern
from stagewright.document.triggers import DataTrigger
from stagewright.gateway import Gateway
from stagewright.naming import epoch, timestamp
from stagewright.planner.model import Trigger
from stagewright.runs.own_events import batch_check_due, trigger_fired
from stagewright.store.trigger_state import Batch
from stagewright.syntax.dates import date_in
from stagewright.syntax.durations import seconds

GRACE = 2
"""Seconds added to a window: S3's event times are whole seconds."""


def matches(trigger: DataTrigger, key: str) -> bool:
    return key.startswith(trigger.prefix) and key.endswith(trigger.suffix)


def date_of(trigger: DataTrigger, key: str, time: str) -> str:
    """The date in a key, in ISO 8601 if it can be read as one. Without a date: the day of the event.

    An invalid or slow expression is not used. It makes the document invalid, so the run is rejected.
    """
    if trigger.date is None:
        return date_in(key) or time[:10]
    pattern = date_pattern(trigger.date)
    match = pattern.search(key) if pattern else None
    return (date_in(match[1] or "") or match[1] or time[:10]) if match else time[:10]


def object_trigger(
    trigger: DataTrigger, pipeline: str, bucket: str, key: str, version: str, time: str
) -> Trigger:
    """The trigger of a run that a single object starts."""
    return Trigger(
        "data",
        f"data:{pipeline}:{key}:{version}",
        time,
        date=date_of(trigger, key, time),
        uri=f"s3://{bucket}/{key}",
    )


def add_to_batch(gateway: Gateway, pipeline: str, trigger: DataTrigger, key: str, time: str) -> None:
    """Add an object to its batch. The first one of a new window schedules the check."""
    batch = Batch(pipeline, trigger.filter, date_of(trigger, key, time), time)
    if gateway.trigger_state.record_arrival(batch, time):
        _check_later(gateway, batch)


def check(gateway: Gateway, item: str) -> str | None:
    """Request the run of a batch if its window is over; otherwise check again later.

    Returns the trigger key of the requested run; None: none was requested.
    """
    batch = gateway.trigger_state.batch(item)
    if batch is None or not batch.pending:
        return None
    if _window_end(batch) > datetime.now(UTC).timestamp():
        _check_later(gateway, batch)
        return None
    event = _batch_trigger(gateway, batch)
    gateway.queue.send(trigger_fired(gateway.installation, batch.pipeline, batch.trigger, event))
    current = gateway.trigger_state.record_request(batch)
    if current.pending:
        _check_later(gateway, current)
    return event.key


def overdue(gateway: Gateway, before: float) -> list[str]:
    """Keys of the pending batches whose window ended before this time (epoch seconds)."""
    return [batch.item for batch in gateway.trigger_state.pending_batches() if _window_end(batch) <= before]


def _batch_trigger(gateway: Gateway, batch: Batch) -> Trigger:
    prefix, suffix = batch.trigger["prefix"], batch.trigger["suffix"]
    pattern = f"{prefix}*{suffix}" if suffix else prefix
    return Trigger(
        "data",
        f"data:{batch.pipeline}:{pattern}:{batch.date}:{batch.last}",
        timestamp(datetime.fromtimestamp(_window_end(batch), UTC)),
        date=batch.date,
        uri=f"s3://{gateway.installation.bucket}/{prefix}",
    )


def _window_end(batch: Batch) -> float:
    return epoch(batch.last) + seconds(batch.trigger["settle"]) + GRACE


def _check_later(gateway: Gateway, batch: Batch) -> None:
    delay = _window_end(batch) - datetime.now(UTC).timestamp() + 1
    gateway.queue.send(batch_check_due(gateway.installation, batch.item), delay=delay)
