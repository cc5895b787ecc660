"""From an event to a run: the function behind the queue `events`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from stagewright.errors import DeniedError, DocumentError, NotFoundError, Problem, ReleaseError
from stagewright.plan.release import Release
from stagewright.router import messages, recorder, settings
from stagewright.router.messages import Request
from stagewright.run import layers, revisions
from stagewright.run import manifest as manifests
from stagewright.run.bundles import ensure_bundles
from stagewright.run.gateway import Gateway
from stagewright.run.layers import Layers
from stagewright.run.manifest import Manifest
from stagewright.run.planning import make_plan
from stagewright.run.release import publish
from stagewright.run.start import Started, refuse, resume, start
from stagewright.run.trigger import has_code_trigger
from stagewright.spec.parameters import with_parameters


def handler(event: Mapping[str, Any], context: Any) -> dict[str, list[dict[str, str]]]:
    """For an SQS event source with ReportBatchItemFailures: what failed is delivered again, the rest is done.

    A message that never succeeds ends in the dead-letter queue (maxReceiveCount).
    """
    place = settings.installation(context)
    failures = [
        {"itemIdentifier": record["messageId"]}
        for record in event["Records"]
        if not _done(settings.gateway(place), record)
    ]
    return {"batchItemFailures": failures}


def route(gateway: Gateway, body: str) -> Started | None:
    """The run of one event, started or refused; None for one that asks for no run of ours.

    What is wrong with document, release or plan is recorded as a refused run: trying again would not help.
    Everything else is raised, for the message to be delivered again.
    """
    request = messages.parse(body, gateway.installation)
    if request is None:
        return None
    if run := gateway.runs.claimed(request.trigger.key):
        return resume(gateway, run)
    try:
        return _begin(gateway, request)
    except (DocumentError, ReleaseError, DeniedError) as error:
        reason = f"{error.message} ({error.remedy})" if error.remedy else error.message
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


def _done(gateway: Gateway, record: Mapping[str, Any]) -> bool:
    logger = settings.logger()
    message = record["messageId"]
    try:
        started = route(gateway, record["body"])
    except messages.MalformedError as error:
        logger.warning("malformed message", message_id=message, reason=str(error))
        return False
    except Exception:
        # One message must not take the others of its batch with it, whatever is wrong.
        logger.exception("not routed; it will be delivered again", message_id=message)
        return False
    if started is None:
        logger.info("no run asked for: no code trigger, or another installation", message_id=message)
    else:
        logger.info(
            "routed", message_id=message, run=started.run, execution=started.execution, new=started.new
        )
    return True


def _begin(gateway: Gateway, request: Request) -> Started | None:
    manifest = manifests.read(gateway, request.pipeline, request.version)
    if request.version and manifest is None:
        raise ReleaseError(f"version {request.version} of the manifest is gone", "push again")
    effective = layers.effective(_layers(gateway, request.pipeline), settings.code_overrides)
    if request.version and not has_code_trigger(effective.layers.document()):
        return None
    request = _asked(request, manifest)
    trigger = request.trigger
    pipeline = with_parameters(effective.pipeline, dict(trigger.parameters))
    release = publish(gateway, manifest, trigger.by) if manifest else Release(request.pipeline, {})
    revision = revisions.record(gateway, effective, trigger.by if request.version else "")
    plan = make_plan(gateway, pipeline, trigger, release, revision, force=request.force)
    ensure_bundles(gateway, release, plan)
    return start(gateway, plan)


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
