"""Checks of what starts runs: pushes, data batches and the clock."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

from stagewright.naming import epoch
from stagewright.runs.intake import messages
from stagewright.runs.reconciling.sweep import Candidates, Repair, Sweep
from stagewright.runs.releases import manifest as manifests
from stagewright.runs.releases import pushes
from stagewright.runs.triggers import data, schedules

MINUTE = 60


def unclaimed_manifests(sweep: Sweep) -> Candidates:
    for obj in list(sweep.gateway.objects.list(manifests.FOLDER)):
        pipeline = manifests.pipeline_of(obj.key)
        if pipeline and obj.modified > sweep.before - pushes.WINDOW:
            yield obj.key, partial(_requeue, sweep, pipeline)


def overdue_batches(sweep: Sweep) -> Candidates:
    for item in data.overdue(sweep.gateway, sweep.before):
        yield item, partial(_fire, sweep, item)


def missed_ticks(sweep: Sweep) -> Candidates:
    yield "the clock", partial(_tick, sweep)


def _requeue(sweep: Sweep, pipeline: str) -> Repair | None:
    """Send the event of the newest lost push. The router claims the earlier ones before it."""
    lost = pushes.lost(sweep.gateway, pipeline, before=sweep.before)
    if not lost:
        return None
    newest = lost[-1]
    event = messages.release_event(sweep.gateway.installation, pipeline, newest.version, newest.time)
    sweep.gateway.queue.send(event)
    subject = f"{pipeline}: {', '.join(push.version for push in lost)}"
    return Repair("requeued", subject, {"pipeline": pipeline})


def _fire(sweep: Sweep, item: str) -> Repair | None:
    key = data.check(sweep.gateway, item)
    return Repair("fired", key) if key else None


def _tick(sweep: Sweep) -> Repair | None:
    """Tick in place of the rule `tick`. The very first tick is left to the rule."""
    last = sweep.gateway.trigger_state.last_tick()
    if not last or epoch(last) > sweep.before - MINUTE:
        return None
    count = schedules.tick(sweep.gateway, datetime.now(UTC))
    return Repair("ticked", f"{count} runs since {last}") if count else None
