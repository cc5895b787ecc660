"""Schedules: one clock for all of them.

A rule ticks once a minute. Each tick looks at what was due since the last one that was seen to, so that a
minute which was missed is made up for, and notes the minute when everything has been asked for. A tick that
comes twice, or dies half-way, asks again with the same keys, which starts nothing twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from stagewright.document.triggers import ScheduleTrigger
from stagewright.gateway import Gateway
from stagewright.naming import timestamp
from stagewright.planner.model import Trigger
from stagewright.runs.own_events import fired
from stagewright.runs.triggers.subscriptions import Catalogue
from stagewright.store.trigger_state import SkippedEvent
from stagewright.syntax.cron import cron_is_due, rate_is_due

MINUTE = timedelta(minutes=1)
CATCH_UP = timedelta(days=1)
"""What was due longer ago is not made up for."""
STOOD = "the clock stood still: of {count} times that were due since {first}, only the last one runs"


def tick(gateway: Gateway, now: datetime) -> int:
    """Asks for every run that is due by `now` and was not at the last tick; how many there are.

    Where the clock stood still for longer than a schedule's interval, the last time alone is run, and the
    others are listed as dropped.
    """
    end = now.astimezone(UTC).replace(second=0, microsecond=0)
    minutes = list(_minutes(gateway.trigger_state.last_tick(), end))
    if not minutes:
        return 0
    asked = [
        fired(gateway.installation, pipeline, trigger.filter, _event(pipeline, trigger, due[-1]))
        for pipeline, trigger, due in _all_due(gateway, minutes)
    ]
    gateway.queue.send_all(asked)
    gateway.trigger_state.record_tick(timestamp(end))
    return len(asked)


def _all_due(
    gateway: Gateway, minutes: list[datetime]
) -> Iterator[tuple[str, ScheduleTrigger, list[datetime]]]:
    for entry, trigger in Catalogue(gateway).wanting(ScheduleTrigger):
        due = [minute for minute in minutes if _due(trigger, minute)]
        if len(due) > 1:
            event = _event(entry.pipeline, trigger, due[-2])
            reason = STOOD.format(count=len(due), first=timestamp(due[0]))
            gateway.trigger_state.record_skipped(
                entry.pipeline, SkippedEvent(event.time, event.key, event.type, reason)
            )
        if due:
            yield entry.pipeline, trigger, due


def _minutes(last: str, end: datetime) -> Iterator[datetime]:
    """After `last` and up to `end`; at the very first tick `end` alone."""
    minute = datetime.fromisoformat(last) + MINUTE if last else end
    minute = max(minute, end - CATCH_UP)
    while minute <= end:
        yield minute
        minute += MINUTE


def _due(trigger: ScheduleTrigger, minute: datetime) -> bool:
    """False also for what this machine cannot read, such as a time zone that it does not know."""
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
