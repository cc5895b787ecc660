"""Match events with the triggers of pipelines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from stagewright.aws.registry import Package
from stagewright.document.triggers import DataTrigger, ModelApprovedTrigger
from stagewright.gateway import Gateway
from stagewright.naming import timestamp
from stagewright.planner.approvals import APPROVED, REJECTED
from stagewright.planner.model import Trigger
from stagewright.runs.intake.messages import BatchCheckDue, ClockTicked, Event, ObjectCreated, PackageChanged
from stagewright.runs.intake.run_requests import RunRequest, of_push
from stagewright.runs.releases import pushes
from stagewright.runs.triggers import data, schedules
from stagewright.runs.triggers.subscriptions import Subscriptions
from stagewright.store.run_items import Header


def requests(gateway: Gateway, event: Event, subscriptions: Subscriptions) -> Iterator[RunRequest]:
    """Every run that an event requests now. Data batches and schedules request theirs by the queue.

    A tick with a future time, which only a person can send, counts as a tick of now. Otherwise the clock
    would skip every schedule until that time.
    """
    match event:
        case RunRequest():
            yield from _with_lost_pushes(gateway, event)
        case ObjectCreated():
            yield from _for_object(gateway, event, subscriptions)
        case PackageChanged():
            yield from _for_package(gateway, event, subscriptions)
        case BatchCheckDue():
            data.check(gateway, event.item)
        case ClockTicked():
            schedules.tick(gateway, min(datetime.fromisoformat(event.time), datetime.now(UTC)))


def _with_lost_pushes(gateway: Gateway, request: RunRequest) -> Iterator[RunRequest]:
    """A request. Before a new push: the earlier pushes whose events have not arrived, oldest first.

    The time of a push becomes that of its version, which sets the order in the queue.
    """
    if not request.is_push or gateway.runs.claimed(request.trigger.key) is not None:
        yield request
        return
    listed = pushes.with_lost(gateway, request.pipeline, request.version)
    for lost in () if request.any_release else listed[:-1]:
        yield of_push(lost.pipeline, lost.version, lost.time)
    time = listed[-1].time if listed else request.trigger.time
    yield replace(request, trigger=replace(request.trigger, time=time))


def _for_object(gateway: Gateway, event: ObjectCreated, subscriptions: Subscriptions) -> Iterator[RunRequest]:
    """One run per pipeline, even if several of its triggers match. A trigger with `settle` fills a batch."""
    requested = set[str]()
    bucket = gateway.installation.bucket
    for subscriber, trigger in subscriptions.with_trigger(DataTrigger):
        pipeline = subscriber.pipeline
        if not data.matches(trigger, event.key):
            continue
        if not subscriptions.is_in_force(pipeline, trigger, event.time):
            continue
        if trigger.settle:
            data.add_to_batch(gateway, pipeline, trigger, event.key, event.time)
        elif pipeline not in requested:
            requested.add(pipeline)
            of_object = data.object_trigger(trigger, pipeline, bucket, event.key, event.version, event.time)
            yield RunRequest(pipeline, of_object, trigger_filter=trigger.filter)


def _for_package(
    gateway: Gateway, event: PackageChanged, subscriptions: Subscriptions
) -> Iterator[RunRequest]:
    """Decide the approvals that wait for a model package, and request the runs that an approved one triggers.

    The status is read from the registry, because SageMaker can send several events for one change, and late
    ones. The time of the change is read there too, so that all events of one change have the same key. A
    pipeline whose stages waited for the version gets one run, which continues them: its trigger adds stages.
    An approval by a person who may not approve is taken back.
    """
    from stagewright.runs import approvals, versions  # imported here to keep cold starts short

    package = gateway.registry.package(event.package)
    if package is None:
        return
    if package.approval == APPROVED and _is_taken_back(gateway, package):
        return
    approvals.decide_by_registry(gateway, package.arn, package.approval)
    if package.approval == REJECTED:
        versions.close_rejected(gateway, package)
    if package.approval == APPROVED:
        yield from _for_approval(gateway, package, event.time, subscriptions)


def _is_taken_back(gateway: Gateway, package: Package) -> bool:
    """Take back the approval of a version by a person who may not approve it. False: it counts."""
    from stagewright.runs import four_eyes, versions

    waiting = [version.header for version in versions.awaiting(gateway, package).values()]
    objection = four_eyes.objection(gateway, package, waiting)
    if objection:
        gateway.registry.reopen(package.arn, objection)
    return bool(objection)


def _for_approval(
    gateway: Gateway, package: Package, time: str, subscriptions: Subscriptions
) -> Iterator[RunRequest]:
    """The runs of an approved version. If its registering run is open, that run's end requests its own."""
    from stagewright.runs.intake import continuing

    run = package.metadata.get("stagewright:run", "")
    header = gateway.runs.header(run) if run else None
    running = header.pipeline if header and header.is_open and header.versions else ""
    waiting = continuing.waiting(gateway, package)
    approved = partial(_approved, package, time, run, header)
    own = dict[str, ModelApprovedTrigger]()
    for subscriber, trigger in subscriptions.with_trigger(ModelApprovedTrigger):
        pipeline = subscriber.pipeline
        if package.group not in ((trigger.group,) if trigger.group else subscriber.groups):
            continue
        if not subscriptions.is_in_force(pipeline, trigger, time):
            continue
        own.setdefault(pipeline, trigger)
        if pipeline not in (running, *waiting):
            yield RunRequest(pipeline, approved(pipeline), trigger_filter=trigger.filter)
    for pipeline, version in waiting.items():
        continued = continuing.request(gateway, version, approved(pipeline), own.get(pipeline))
        yield from filter(None, [continued])


def _approved(package: Package, time: str, run: str, header: Header | None, pipeline: str) -> Trigger:
    """The trigger of an approval. `run`, `header`: of the run that registered the version, if it is known."""
    changed = timestamp(datetime.fromtimestamp(package.modified, UTC))
    key = f"model-approved:{pipeline}:{package.arn}:{changed}"
    date = (header.trigger.date or header.trigger.time[:10]) if header else ""
    return Trigger("model-approved", key, time, package.approver, date=date, package=package.arn, run=run)
