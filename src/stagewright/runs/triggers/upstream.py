"""The good end of a run starts runs of the pipelines that wait for it. None may wait for itself that way: a
push is refused by `check`; what a table edit brings about is stopped where the circle closes.
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
from stagewright.runs.own_events import fired
from stagewright.runs.stored_plan import recorded_stages
from stagewright.runs.triggers.subscriptions import Catalogue
from stagewright.store.runs import Header
from stagewright.store.trigger_state import SkippedEvent
from stagewright.syntax.findings import problems


def announce(gateway: Gateway, header: Header) -> None:
    """For the header of a run that has ended well, before it is written. Doing it again starts nothing twice.

    A run that a gate stopped, or cut short, has a reason: it starts only what waits for one of its stages.
    """
    waiting = [
        (entry.pipeline, trigger)
        for entry, trigger in Catalogue(gateway).wanting(UpstreamTrigger)
        if trigger.pipeline == header.pipeline
    ]
    good = _good(gateway, header) if any(trigger.stage for _, trigger in waiting) else frozenset()
    chain = (*header.trigger.chain, header.pipeline)
    for pipeline, trigger in waiting:
        if trigger.stage not in good if trigger.stage else header.reason:
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
            gateway.queue.send(fired(gateway.installation, pipeline, trigger.filter, event))


def check(gateway: Gateway, document: Mapping[str, Any]) -> None:
    """DocumentError: with the other documents there, this one closes a circle."""
    if not any(upstreams(document)):
        return
    before = defaultdict[str, list[str]](list)
    for entry, trigger in Catalogue(gateway).wanting(UpstreamTrigger):
        before[entry.pipeline].append(trigger.pipeline)
    if found := problems(cycle_findings(document, lambda pipeline: before[pipeline])):
        raise DocumentError(found)


def _good(gateway: Gateway, header: Header) -> frozenset[str]:
    """Stages that ran well in this run, or needed not to run; not those that were off."""
    ran = {name for name, stage in gateway.runs.stages(header.run).items() if stage.status == "SUCCEEDED"}
    planned = recorded_stages(gateway, header)
    reused = {
        each.name for each in planned if each.action == "reuse" and not each.reason.startswith(OFF_REASONS)
    }
    return frozenset(ran | reused)
