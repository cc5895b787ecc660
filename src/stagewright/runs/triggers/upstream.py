"""Upstream triggers: the success of a run starts runs of downstream pipelines.

A cycle of upstream triggers is not allowed: `check` rejects a push that closes one. A cycle that a table edit
creates stops where it would start a pipeline again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from stagewright.document.trigger_cycles import cycle_findings, cycle_message, upstreams
from stagewright.document.triggers import UpstreamTrigger
from stagewright.errors import DocumentError
from stagewright.gateway import Gateway
from stagewright.planner.model import Trigger
from stagewright.planner.selection import OFF_REASONS
from stagewright.runs.own_events import trigger_fired
from stagewright.runs.stored_plan import recorded_stages
from stagewright.runs.triggers.subscriptions import Subscriptions
from stagewright.store.runs import Header
from stagewright.store.trigger_state import SkippedEvent
from stagewright.syntax.findings import problems


def trigger_downstream(gateway: Gateway, header: Header) -> None:
    """Request the runs that a successful run triggers. `header`: as it will be written. Idempotent.

    A run that a gate ended early has a reason: it triggers only pipelines that wait for one of its stages.
    """
    downstream = [
        (subscriber.pipeline, trigger)
        for subscriber, trigger in Subscriptions(gateway).with_trigger(UpstreamTrigger)
        if trigger.pipeline == header.pipeline
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


def check(gateway: Gateway, document: Mapping[str, Any]) -> None:
    """DocumentError: this document closes a cycle with the stored documents."""
    if not any(upstreams(document)):
        return
    stored = defaultdict[str, list[str]](list)
    for subscriber, trigger in Subscriptions(gateway).with_trigger(UpstreamTrigger):
        stored[subscriber.pipeline].append(trigger.pipeline)
    if cycles := problems(cycle_findings(document, lambda pipeline: stored[pipeline])):
        raise DocumentError(cycles)


def _succeeded_stages(gateway: Gateway, header: Header) -> frozenset[str]:
    """The stages that succeeded in this run or reused an up-to-date result. Not disabled or skipped ones."""
    ran = {name for name, stage in gateway.runs.stages(header.run).items() if stage.status == "SUCCEEDED"}
    reused = {
        stage.name
        for stage in recorded_stages(gateway, header)
        if stage.action == "reuse" and not stage.reason.startswith(OFF_REASONS)
    }
    return frozenset(ran | reused)
