"""Admission of run requests: whether a request starts a run, and with which trigger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from stagewright.document.layers import Effective
from stagewright.document.pipeline import Pipeline
from stagewright.document.triggers import AnyTrigger
from stagewright.errors import DeniedError, ReleaseError
from stagewright.planner.model import Trigger
from stagewright.planner.values import trigger_values
from stagewright.runs import resume
from stagewright.runs.intake.run_requests import RunRequest
from stagewright.runs.releases import manifest as manifests
from stagewright.runs.releases.manifest import Manifest
from stagewright.runs.settings import Runtime
from stagewright.runs.triggers import cooldown
from stagewright.store.trigger_state import SkippedEvent
from stagewright.syntax.references import render

EVERYBODY = "*"
DENIED_REMEDY = (
    "push first, then send the same command as a role that the Terraform variable bypass_roles names"
)


def admit(
    runtime: Runtime, request: RunRequest, document: Effective, manifest: Manifest
) -> RunRequest | None:
    """Complete a request from the manifest, the resumed run, or the document's trigger. None: no run starts.

    A request that is not admitted is listed as skipped, except a push that requests no run. PlanError: the
    run to resume does not exist.
    """
    if request.is_push:
        if not manifest.requests_run:
            return None
        request = _with_manifest(request, manifest)
    request = _authorized(runtime, request)
    if request.trigger.resumes:
        trigger = resume.link(runtime.gateway, request.pipeline, request.trigger)
        return replace(request, trigger=trigger, trigger_filter=None)
    if request.trigger_filter is None:
        return request
    return _with_trigger(runtime, document.pipeline, request, request.trigger_filter)


def is_rejectable(runtime: Runtime, request: RunRequest) -> bool:
    """Whether a request that cannot run becomes a rejected run. Not so: a push that requests no run."""
    if not request.is_push:
        return True
    try:
        manifest = manifests.read(runtime.gateway, request.pipeline, request.version)
    except ReleaseError:
        return True
    return manifest is None or manifest.requests_run


def _authorized(runtime: Runtime, request: RunRequest) -> RunRequest:
    """Record who bypasses a control. DeniedError: the installation does not allow it.

    Unless everybody may, this is who sent the message, not who the message names. The message of a push comes
    from EventBridge. A run that continues another one keeps what was allowed there.
    """
    trigger = request.trigger
    if not trigger.bypass or trigger.continues:
        return request
    identity, _, session = request.sender.partition(":")
    if identity in runtime.bypass:
        who = "/".join(filter(None, (runtime.bypass[identity], session)))
    elif EVERYBODY in runtime.bypass:
        who = trigger.by or "unknown"
    else:
        names, by = ", ".join(trigger.bypass), trigger.by or request.sender or "unknown"
        message = f"{by} may not bypass {names} in {runtime.gateway.installation.environment}"
        raise DeniedError(message, DENIED_REMEDY)
    return replace(request, trigger=replace(trigger, bypassed_by=who))


def skip(runtime: Runtime, request: RunRequest, reason: str) -> None:
    """Cancel the cooldown that a request started, and record the request as skipped."""
    cooldown.cancel(runtime.gateway, request.pipeline, request.trigger_name, request.trigger.key)
    _record_skipped(runtime, request, reason)


def _with_manifest(request: RunRequest, manifest: Manifest) -> RunRequest:
    """Add what a push requests besides its code. S3's event does not carry it."""
    trigger = replace(
        request.trigger,
        by=manifest.by,
        parameters=manifest.parameters,
        date=manifest.date,
        resumes=manifest.resumes,
        **vars(manifest.selection),
    )
    return replace(request, trigger=trigger, force=manifest.force)


def _with_trigger(
    runtime: Runtime, pipeline: Pipeline, request: RunRequest, trigger_filter: Mapping[str, Any]
) -> RunRequest | None:
    """Add the parameters and stages of the document's trigger, and start its cooldown. None: skipped."""
    trigger, event = pipeline.trigger_for(trigger_filter), request.trigger
    if trigger is None:
        _record_skipped(runtime, request, "the document no longer has this trigger")
        return None
    if not cooldown.start(runtime.gateway, pipeline.name, trigger, request.trigger_name, event):
        _record_skipped(runtime, request, f"within the trigger's cooldown of {trigger.cooldown}")
        return None
    only = event.only if event.selection else trigger.only
    values, name = parameters(trigger, event), request.trigger_name
    return replace(request, trigger=replace(event, only=only, parameters=values, name=name))


def parameters(trigger: AnyTrigger, event: Trigger) -> dict[str, Any]:
    """The document's parameters for this trigger, overridden by the event's."""
    values = trigger_values(event)
    rendered = render(dict(trigger.parameters), lambda reference: values[reference.path])
    return {**rendered, **event.parameters}


def _record_skipped(runtime: Runtime, request: RunRequest, reason: str) -> None:
    """List the event as skipped, then claim its key for no run.

    If the function dies in between, the redelivery writes the same item again.
    """
    event = request.trigger
    runtime.gateway.trigger_state.record_skipped(
        request.pipeline, SkippedEvent(event.time, event.key, event.type, reason)
    )
    runtime.gateway.runs.mark_skipped(event.key)
    runtime.log.info("event skipped", pipeline=request.pipeline, key=event.key, reason=reason)
