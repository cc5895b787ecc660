"""Upstream triggers: the success of a run starts runs of downstream pipelines.

A cycle of upstream triggers is not allowed: a push that closes one is rejected. A cycle that a table edit
creates stops where it would start a pipeline again.
"""

from __future__ import annotations

from collections.abc import Sequence, Set

from stagewright.document.trigger_cycles import cycle_message
from stagewright.document.triggers import UpstreamTrigger
from stagewright.gateway import Gateway
from stagewright.naming import stage_of
from stagewright.planner.model import Trigger
from stagewright.planner.selection import OFF_REASONS
from stagewright.runs.own_events import trigger_fired
from stagewright.runs.stored_plan import PlannedStage, recorded_stages
from stagewright.runs.triggers.subscriptions import Subscriptions
from stagewright.store.run_items import Header
from stagewright.store.trigger_state import SkippedEvent


def trigger_downstream(gateway: Gateway, header: Header) -> None:
    """Request the runs that a successful run triggers. `header`: as it will be written. Idempotent.

    A run that a gate ended early has a reason: it triggers only pipelines that wait for one of its stages.
    """
    subscriptions = Subscriptions(gateway)
    downstream = [
        (subscriber.pipeline, trigger)
        for subscriber, trigger in subscriptions.with_trigger(UpstreamTrigger)
        if trigger.pipeline == header.pipeline
        and subscriptions.is_in_force(subscriber.pipeline, trigger, header.ended)
    ]
    needs_stages = any(trigger.stage for _, trigger in downstream)
    succeeded = _succeeded_stages(gateway, header) if needs_stages else frozenset()
    chain = (*header.trigger.chain, header.pipeline)
    for pipeline, trigger in downstream:
        if trigger.stage not in succeeded if trigger.stage else header.reason:
            continue
        event = Trigger(
            "upstream",
            f"upstream:{pipeline}:{header.run}",
            header.ended,
            date=header.trigger.date or header.trigger.time[:10],
            run=header.run,
            chain=chain,
        )
        if pipeline in chain:
            reason = cycle_message((*chain, pipeline))
            gateway.trigger_state.record_skipped(
                pipeline, SkippedEvent(header.ended, event.key, event.type, reason)
            )
        else:
            gateway.queue.send(trigger_fired(gateway.installation, pipeline, trigger.filter, event))


def _succeeded_stages(gateway: Gateway, header: Header) -> frozenset[str]:
    """The stages that succeeded in this run or reused an up-to-date result. Not disabled or skipped ones."""
    ran = {name for name, stage in gateway.runs.stages(header.run).items() if stage.status == "SUCCEEDED"}
    planned = recorded_stages(gateway, header)
    reused = {
        stage.name
        for stage in planned
        if stage.action == "reuse" and not stage.reason.startswith(OFF_REASONS)
    }
    return _whole(ran | reused, planned)


def _whole(succeeded: Set[str], planned: Sequence[PlannedStage]) -> frozenset[str]:
    """Return the stages that succeeded, and those of which every instance did."""
    lost = {stage_of(stage.name) for stage in planned if stage.name not in succeeded}
    return frozenset(succeeded | (set(map(stage_of, succeeded)) - lost))
