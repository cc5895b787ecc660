"""."""

from __future__ import annotations

from datetime import UTC, datetime

from stagewright.errors import RunFailedError, StagewrightError
from stagewright.gateway import Gateway
from stagewright.naming import timestamp
from stagewright.runs import settings
from stagewright.runs.plan_inputs.load import RunInputs, plan_header
from stagewright.runs.stored_plan import keep
from stagewright.runs.values import Asked
from stagewright.store.run_queue import QueueEntry
from stagewright.store.runs import Header


def _take_over(gateway: Gateway, header: Header, asked: Asked, inputs: RunInputs | None) -> None:
    """Stops the runs before this one, once it has a plan: one that is refused stops nobody.

    The plan is kept for its turn, unless one of them goes on, or has ended a stage since.
    """
    since = timestamp(datetime.now(UTC))
    plan = None if header.plan else plan_header(gateway, header, asked, inputs)
    stopped = [
        _stop(gateway, run, header.run) and not _has_gone_on(gateway, run, since)
        for run in _before(gateway, header)
    ]
    if plan and all(stopped):
        keep(gateway, plan)


def _before(gateway: Gateway, header: Header) -> tuple[str, ...]:
    """The runs before this one: first those that wait, lest their turn comes."""
    entry, lease = QueueEntry.of(header), gateway.run_queue.lease(header.pipeline)
    waiting = gateway.run_queue.entries(header.pipeline)
    runs = [each.run for each in waiting if each.key["item"] < entry.key["item"]]
    return (*runs, lease.holder) if lease and lease.holder != header.run else tuple(runs)


def _stop(gateway: Gateway, run: str, by: str) -> bool:
    """Whether it is over, or about to be."""
    from stagewright.runs.stop import stop  # late, since a cold start pays for every import

    try:
        stop(gateway, run, f"run {by}")
    except RunFailedError:
        return True  # it has ended meanwhile
    except StagewrightError as error:
        settings.logger().error("not stopped", run=run, reason=error.message)
        return False
    return True


def _has_gone_on(gateway: Gateway, run: str, since: str) -> bool:
    return any(stage.ended >= since for stage in gateway.runs.stages(run).values())
