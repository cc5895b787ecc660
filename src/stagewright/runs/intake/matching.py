"""From what happened to the runs that documents want because of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from stagewright.document.triggers import DataTrigger, ModelApprovedTrigger
from stagewright.gateway import Gateway
from stagewright.naming import timestamp
from stagewright.planner.model import Trigger
from stagewright.runs.intake.messages import Arrived, Decided, Event, Settling, Ticked
from stagewright.runs.intake.run_requests import Request
from stagewright.runs.triggers import data, schedules
from stagewright.runs.triggers.subscriptions import Catalogue


def requests(gateway: Gateway, event: Event, catalogue: Catalogue) -> Iterator[Request]:
    """Every run that this asks for now. What is to be asked for later is sent to the queue.

    A tick from the future, which nobody but a person sends, counts as one of now: else the clock would stand
    there, and no schedule run until then.
    """
    match event:
        case Request():
            yield event
        case Arrived():
            yield from _arrived(gateway, event, catalogue)
        case Decided():
            yield from _decided(gateway, event, catalogue)
        case Settling():
            data.check(gateway, event.item)
        case Ticked():
            schedules.tick(gateway, min(datetime.fromisoformat(event.time), datetime.now(UTC)))


def _arrived(gateway: Gateway, event: Arrived, catalogue: Catalogue) -> Iterator[Request]:
    """One run for each pipeline, however many of its triggers want the object; and batches that settle."""
    asked = set[str]()
    for entry, trigger in catalogue.wanting(DataTrigger):
        if not data.wants(trigger, event.key):
            continue
        if trigger.settle:
            data.arrived(gateway, entry.pipeline, trigger, event.key, event.time)
        elif entry.pipeline not in asked:
            asked.add(entry.pipeline)
            bucket = gateway.installation.bucket
            made = data.single(trigger, entry.pipeline, bucket, event.key, event.version, event.time)
            yield Request(entry.pipeline, made, listens=trigger.filter)


def _decided(gateway: Gateway, event: Decided, catalogue: Catalogue) -> Iterator[Request]:
    """Settles the approvals that wait for the package, and asks for the runs that wait for an approved one.

    The registry is asked, not the event: SageMaker may send several for one change, also late. One change has
    one time there, so that all events of it have the same key.
    """
    from stagewright.runs import approvals  # late, since a cold start pays for every import

    package = gateway.registry.package(event.package)
    if package is None:
        return
    approvals.settle_package(gateway, package.arn, package.approval)
    if package.approval != "Approved":
        return
    changed = timestamp(datetime.fromtimestamp(package.modified, UTC))
    registered = package.metadata.get("stagewright:run", "")
    header = gateway.runs.header(registered) if registered else None
    for entry, trigger in catalogue.wanting(ModelApprovedTrigger):
        if package.group not in ((trigger.group,) if trigger.group else entry.groups):
            continue
        made = Trigger(
            "model-approved",
            f"model-approved:{entry.pipeline}:{package.arn}:{changed}",
            event.time,
            date=(header.trigger.date or header.trigger.time[:10]) if header else "",
            package=package.arn,
            run=registered,
        )
        yield Request(entry.pipeline, made, listens=trigger.filter)
