"""From an event to a run: the function behind the queue `events`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from stagewright.errors import DeniedError, DocumentError, NotFoundError, Problem, ReleaseError
from stagewright.naming import pipeline_of, timestamp
from stagewright.plan.release import Release
from stagewright.router import listeners, messages, recorder, settings
from stagewright.router.messages import Request
from stagewright.run import layers, revisions
from stagewright.run import manifest as manifests
from stagewright.run.bundles import ensure_bundles
from stagewright.run.catalogue import Catalogue
from stagewright.run.gateway import Gateway
from stagewright.run.gateway.marks import Dropped
from stagewright.run.gateway.queue import ORIGIN
from stagewright.run.layers import Layers
from stagewright.run.manifest import Manifest
from stagewright.run.planning import make_plan
from stagewright.run.release import publish
from stagewright.run.start import Started, refuse, resume, start
from stagewright.run.trigger import definition, has_code_trigger, name_of, parameters
from stagewright.spec.duration import seconds
from stagewright.spec.parameters import with_parameters
from stagewright.spec.pipeline import Pipeline


def handler(event: Mapping[str, Any], context: Any) -> dict[str, list[dict[str, str]]]:
    """For an SQS event source with ReportBatchItemFailures: what failed is delivered again, the rest is done.

    A message that never succeeds ends in the dead-letter queue (maxReceiveCount).
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
        for request in listeners.requests(gateway, event, catalogue):
            try:
                run = _run(gateway, request)
            except Exception as error:
                failure = error
            else:
                started += [run] if run else []
    if failure:
        raise failure
    return tuple(started)


def _run(gateway: Gateway, request: Request) -> Started | None:
    claimed = gateway.runs.claimed(request.trigger.key)
    if claimed is not None:
        return resume(gateway, claimed) if claimed else None
    try:
        return _begin(gateway, request)
    except (DocumentError, ReleaseError, DeniedError) as error:
        reason = f"{error.message} ({error.remedy})" if error.remedy else error.message
        if request.listens:
            gateway.marks.hear_again(request.pipeline, name_of(request.listens), request.trigger.key)
        return _refused(gateway, request, reason)


def _refused(gateway: Gateway, request: Request, reason: str) -> Started:
    """People are told once: by whoever claims the key."""
    refused = refuse(gateway, request.pipeline, request.trigger, reason)
    if refused.new and (header := gateway.runs.header(refused.run)):
        settings.logger().warning(
            "refused", metric="Refused", value=1, run=refused.run, pipeline=request.pipeline
        )
        recorder.notify(gateway, header, reason, "was refused")
    return refused


def _done(gateway: Gateway, record: Mapping[str, Any], catalogue: Catalogue) -> bool:
    logger = settings.logger()
    message = record["messageId"]
    try:
        started = route_all(gateway, record["body"], _origin(record), _sent(record), catalogue)
    except messages.MalformedError as error:
        logger.warning("malformed message", message_id=message, reason=str(error))
        return False
    except Exception:
        # One message must not take the others of its batch with it, whatever is wrong.
        logger.exception("not routed; it will be delivered again", message_id=message)
        return False
    for each in started:
        ids: dict[str, Any] = {
            "run": each.run,
            "pipeline": pipeline_of(each.run),
            "execution": each.execution,
        }
        logger.info("routed", message_id=message, new=each.new, **ids)
    if not started:
        logger.debug("no run asked for", message_id=message)
    return True


def _origin(record: Mapping[str, Any]) -> str:
    """The message's id; of one that was sent again the first one."""
    origin = record.get("messageAttributes", {}).get(ORIGIN, {})
    return str(origin.get("stringValue") or record["messageId"])


def _sent(record: Mapping[str, Any]) -> str:
    milliseconds = record.get("attributes", {}).get("SentTimestamp")
    return timestamp(datetime.fromtimestamp(int(milliseconds) / 1000, UTC)) if milliseconds else ""


def _begin(gateway: Gateway, request: Request) -> Started | None:
    manifest = manifests.read(gateway, request.pipeline, request.version)
    if request.version and manifest is None:
        raise ReleaseError(f"version {request.version} of the manifest is gone", "push again")
    effective = layers.effective(_layers(gateway, request.pipeline), settings.code_overrides)
    if request.version and not has_code_trigger(effective.layers.document()):
        return None
    pipeline = effective.pipeline
    request = _asked(request, manifest)
    if request.listens is not None:
        wanted = _wanted(gateway, pipeline, request, request.listens)
        if wanted is None:
            return None
        request = wanted
    trigger = request.trigger
    pipeline = with_parameters(pipeline, dict(trigger.parameters))
    release = publish(gateway, manifest, trigger.by) if manifest else Release(request.pipeline, {})
    revision = revisions.record(gateway, effective, trigger.by if request.version else "")
    plan = make_plan(gateway, pipeline, trigger, release, revision, force=request.force)
    ensure_bundles(gateway, release, plan)
    return start(gateway, plan)


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
    asked = replace(event, only=found.only, parameters=parameters(found, event))
    return replace(request, trigger=asked)


def _drop(gateway: Gateway, request: Request, reason: str) -> None:
    """Listed first, decided then: what is lost in between is listed again, as the same item."""
    event = request.trigger
    gateway.marks.drop(request.pipeline, Dropped(event.time, event.key, event.type, reason))
    gateway.runs.decline(event.key)
    settings.logger().info("dropped", pipeline=request.pipeline, key=event.key, reason=reason)


def _asked(request: Request, manifest: Manifest | None) -> Request:
    """A push says in its manifest what else it asks for; S3's event cannot."""
    if not request.version or manifest is None:
        return request
    trigger = replace(request.trigger, by=manifest.by, parameters=manifest.parameters)
    return replace(request, trigger=trigger, force=manifest.force)


def _layers(gateway: Gateway, pipeline: str) -> Layers:
    """A missing document is one that is wrong: its run is refused, where people see it."""
    try:
        return layers.read(gateway, pipeline)
    except NotFoundError as error:
        raise DocumentError((Problem("", error.message, error.remedy),)) from None
