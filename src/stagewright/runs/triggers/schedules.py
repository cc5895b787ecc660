"""Schedule triggers: one clock for all of them.

A rule ticks once a minute. A tick requests every run that was due since the minute of the last completed
tick, so a missed minute is caught up, and then stores its own minute. A minute before the push that added a
schedule is not due. A tick that is repeated, or that dies
halfway, requests the same keys again, which starts no second run.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from stagewright.document.triggers import ScheduleTrigger
from stagewright.gateway import Gateway
from stagewright.naming import timestamp
from stagewright.planner.model import Trigger
from stagewright.runs.own_events import trigger_fired
from stagewright.runs.triggers.subscriptions import Subscriptions
from stagewright.store.trigger_state import SkippedEvent
from stagewright.syntax.cron import cron_is_due, rate_is_due

MINUTE = timedelta(minutes=1)
CATCH_UP = timedelta(days=1)
"""The oldest due time that a tick catches up."""
CLOCK_STOPPED = "no tick came in time: of {count} times due since {first}, only the last one runs"


def tick(gateway: Gateway, now: datetime) -> int:
    """Request every run that is due by `now` and was not at the last tick. Returns their number.

    If a schedule was due several times, only the last time runs. The others are listed as skipped.
    """
    end = now.astimezone(UTC).replace(second=0, microsecond=0)
    minutes = list(_minutes(gateway.trigger_state.last_tick(), end))
    if not minutes:
        return 0
    events = [
        trigger_fired(gateway.installation, pipeline, trigger.filter, _event(pipeline, trigger, due[-1]))
        for pipeline, trigger, due in _all_due(gateway, minutes)
    ]
    gateway.queue.send_all(events)
    gateway.trigger_state.record_tick(timestamp(end))
    return len(events)


def _all_due(
    gateway: Gateway, minutes: list[datetime]
) -> Iterator[tuple[str, ScheduleTrigger, list[datetime]]]:
    subscriptions = Subscriptions(gateway)
    for subscriber, trigger in subscriptions.with_trigger(ScheduleTrigger):
        pipeline = subscriber.pipeline
        due = [
            minute
            for minute in minutes
            if _is_due(trigger, minute) and subscriptions.is_in_force(pipeline, trigger, timestamp(minute))
        ]
        if len(due) > 1:
            event = _event(pipeline, trigger, due[-2])
            reason = CLOCK_STOPPED.format(count=len(due), first=timestamp(due[0]))
            gateway.trigger_state.record_skipped(
                pipeline, SkippedEvent(event.time, event.key, event.type, reason)
            )
        if due:
            yield pipeline, trigger, due


def _minutes(last: str, end: datetime) -> Iterator[datetime]:
    """The minutes after `last`, up to and with `end`. At the very first tick: `end` alone."""
    minute = datetime.fromisoformat(last) + MINUTE if last else end
    minute = max(minute, end - CATCH_UP)
    while minute <= end:
        yield minute
        minute += MINUTE


def _is_due(trigger: ScheduleTrigger, minute: datetime) -> bool:
    """False for a schedule that this machine cannot evaluate, such as one in an unknown time zone."""
    try:
        if trigger.rate:
            return rate_is_due(trigger.rate, minute)
        return cron_is_due(trigger.cron or "", trigger.timezone, minute)
    except (KeyError, ValueError, OSError):
        return False


def _event(pipeline: str, trigger: ScheduleTrigger, minute: datetime) -> Trigger:
    return Trigger(
        "schedule",
        f"schedule:{pipeline}:{trigger.cron or trigger.rate}:{minute:%Y-%m-%dT%H:%MZ}",
        timestamp(minute),
        date=f"{minute.astimezone(ZoneInfo(trigger.timezone)):%Y-%m-%d}",
    )
