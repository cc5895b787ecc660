"""From an event to a run: the function behind the queue `events`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from stagewright.naming import pipeline_of, timestamp
from stagewright.router import listeners, messages, settings
from stagewright.router.delivery import delivered, put_off
from stagewright.router.messages import Event, Request, TurnCame
from stagewright.router.turn import UNUSABLE, Material, gather, go_on, planned, report_refusal, said
from stagewright.run import resumption, turns
from stagewright.run.catalogue import Catalogue
from stagewright.run.gateway import Gateway
from stagewright.run.gateway.marks import Dropped
from stagewright.run.gateway.queue import Message
from stagewright.run.manifest import Manifest
from stagewright.run.start import Asked, Started, claimant, queued, refuse, start
from stagewright.run.trigger import definition, has_code_trigger, name_of, parameters
from stagewright.spec.duration import seconds
from stagewright.spec.pipeline import Pipeline


def handler(event: Mapping[str, Any], context: Any) -> dict[str, list[dict[str, str]]]:
    """For an SQS event source with ReportBatchItemFailures: what failed is delivered again, the rest is done.

    A message that never succeeds ends in the dead-letter queue (maxReceiveCount). One that cannot be read
    goes there at once, since it never will be.
    """
    gateway = settings.gateway(settings.installation(context))
    catalogue = Catalogue(gateway)
    failures = [
        {"itemIdentifier": record["messageId"]}
        for record in event["Records"]
        if not _done(gateway, record, catalogue)
    ]
    return {"batchItemFailures": failures}


def route(gateway: Gateway, body: str) -> Started | None:
    """The run of one message, of several the last; None for one that asks for no run of ours."""
    return next(reversed(route_all(gateway, body)), None)


def route_all(
    gateway: Gateway, body: str, message: str = "", sent: str = "", catalogue: Catalogue | None = None
) -> tuple[Started, ...]:
    """The runs that one message asks for, started or refused. `message`, `sent`: its id and time (ISO 8601).
    `catalogue` must not have been looked at before the message came.

    What is wrong with document, release or plan is recorded as a refused run: trying again would not help.
    Everything else is raised, after the other runs have been seen to, for the message to be delivered again.
    """
    catalogue = catalogue or Catalogue(gateway)
    started: list[Started] = []
    failure: Exception | None = None
    for event in messages.parse(body, gateway.installation, message, sent):
        for act in _acts(gateway, event, catalogue):
            try:
                run = act()
            except Exception as error:
                failure = error
            else:
                started += [run] if run else []
    if failure:
        raise failure
    return tuple(started)


def _acts(gateway: Gateway, event: Event, catalogue: Catalogue) -> Iterator[Callable[[], Started | None]]:
    """Each by itself, so that each may fail by itself."""
    if isinstance(event, TurnCame):
        yield partial(go_on, gateway, event.run)
        return
    for request in listeners.requests(gateway, event, catalogue):
        yield partial(_run, gateway, request)


def _run(gateway: Gateway, request: Request) -> Started | None:
    claimed = gateway.runs.claimed(request.trigger.key)
    if claimed is not None:
        return go_on(gateway, claimed) if claimed else None
    try:
        return _begin(gateway, request)
    except UNUSABLE as error:
        _hear_again(gateway, request)
        return _refused(gateway, request, said(error))


def _refused(gateway: Gateway, request: Request, reason: str) -> Started:
    refused = refuse(gateway, request.pipeline, request.trigger, reason)
    if refused.new and (header := gateway.runs.header(refused.run)):
        report_refusal(gateway, header, reason)
    return refused


def _hear_again(gateway: Gateway, request: Request) -> None:
    """No run comes of it, so that its trigger's cooldown must not begin."""
    if request.listens:
        gateway.marks.hear_again(request.pipeline, name_of(request.listens), request.trigger.key)


def _done(gateway: Gateway, record: Mapping[str, Any], catalogue: Catalogue) -> bool:
    try:
        _routed(gateway, delivered(record), catalogue)
    except Exception:
        # One message must not take the others of its batch with it, whatever is wrong.
        settings.logger().exception("not routed; it will be delivered again", message_id=record["messageId"])
        _put_off(gateway, record)
        return False
    return True


def _put_off(gateway: Gateway, record: Mapping[str, Any]) -> None:
    """Where that fails the message comes when the queue's visibility timeout is over."""
    try:
        put_off(gateway, record)
    except Exception as error:
        settings.logger().warning("not put off", message_id=record["messageId"], reason=str(error))


def _routed(gateway: Gateway, message: Message, catalogue: Catalogue) -> None:
    logger = settings.logger()
    try:
        started = route_all(gateway, message.body, message.origin, _sent(message), catalogue)
    except messages.MalformedError as error:
        logger.warning("malformed message", message_id=message.origin, reason=str(error))
        gateway.dead_letters.send_again(replace(message, reason=str(error)))
        return
    for each in started:
        ids: dict[str, Any] = {
            "run": each.run,
            "pipeline": pipeline_of(each.run),
            "execution": each.execution,
        }
        logger.info("routed", message_id=message.origin, new=each.new, **ids)
    if not started:
        logger.debug("no run asked for", message_id=message.origin)


def _sent(message: Message) -> str:
    return timestamp(datetime.fromtimestamp(message.sent, UTC)) if message.sent else ""


def _begin(gateway: Gateway, request: Request) -> Started | None:
    material = gather(gateway, request.pipeline, request.version, request.revision)
    document = material.document
    if request.is_push and not has_code_trigger(document.layers.document()):
        return None
    request = _asked(gateway, request, material.manifest)
    if request.listens is not None:
        wanted = _wanted(gateway, document.pipeline, request, request.listens)
        if wanted is None:
            return None
        request = wanted
    return _claim(gateway, request, material)


def _claim(gateway: Gateway, request: Request, material: Material) -> Started | None:
    """A run, as far as it can go now; None where it is dropped because another one goes on."""
    concurrency = material.document.pipeline.concurrency
    listens = name_of(request.listens) if request.listens else ""
    asked = Asked(request.version, request.force, concurrency == "cancel-running", listens)
    if not turns.takes_turns(request.trigger):
        return start(gateway, planned(gateway, request.trigger, asked, material))
    header, holder = queued(gateway.installation, request.pipeline, request.trigger, asked), ""
    if concurrency == "skip":
        new, holder = turns.seize(gateway, header)
    else:
        new = turns.line_up(gateway, header)
    if holder:
        _hear_again(gateway, request)
        _drop(gateway, request, f"{holder} goes on (concurrency: skip)")
        return None
    if new:
        return replace(go_on(gateway, header.run, material), new=True)
    claimed = claimant(gateway, request.trigger.key)
    return go_on(gateway, claimed) if claimed else None


def _wanted(
    gateway: Gateway, pipeline: Pipeline, request: Request, listens: Mapping[str, Any]
) -> Request | None:
    """The request with what the document's trigger adds; None where it is dropped."""
    found, event = definition(pipeline, listens), request.trigger
    if found is None:
        _drop(gateway, request, "the document has no such trigger any more")
        return None
    deaf = seconds(found.cooldown) if found.cooldown else 0
    if deaf and not gateway.marks.listen(pipeline.name, name_of(listens), event.key, event.time, deaf):
        _drop(gateway, request, f"within the trigger's cooldown of {found.cooldown}")
        return None
    only = event.only if event.selection else found.only
    asked = replace(event, only=only, parameters=parameters(found, event))
    return replace(request, trigger=asked)


def _drop(gateway: Gateway, request: Request, reason: str) -> None:
    """Listed first, decided then: what is lost in between is listed again, as the same item."""
    event = request.trigger
    gateway.marks.drop(request.pipeline, Dropped(event.time, event.key, event.type, reason))
    gateway.runs.decline(event.key)
    settings.logger().info("dropped", pipeline=request.pipeline, key=event.key, reason=reason)


def _asked(gateway: Gateway, request: Request, manifest: Manifest | None) -> Request:
    """A push says in its manifest what else it asks for; S3's event cannot. A run that is resumed says it
    all; none of the document's triggers is asked about that."""
    if request.is_push and manifest:
        selection, resumes = vars(manifest.selection), manifest.resumes
        given = replace(request.trigger, by=manifest.by, parameters=manifest.parameters, date=manifest.date)
        trigger = replace(given, resumes=resumes, **selection)
        request = replace(request, trigger=trigger, force=manifest.force)
    if not request.trigger.resumes:
        return request
    trigger = resumption.announced(gateway, request.pipeline, request.trigger)
    return replace(request, trigger=trigger, listens=None)
