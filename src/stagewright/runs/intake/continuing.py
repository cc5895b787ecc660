"""Continue a run after a person has approved the version that its stages waited for.

One new run per waiting run has the same trigger values, document revision and release. It runs the stages
that waited, and takes the results of all others from the waiting run: what was approved is what they get.
"""

from __future__ import annotations

from dataclasses import replace

from stagewright.aws.registry import Package
from stagewright.document import layers
from stagewright.document.triggers import ModelApprovedTrigger
from stagewright.errors import DocumentError, NotFoundError
from stagewright.gateway import Gateway
from stagewright.naming import item_of, stage_of
from stagewright.planner.model import Trigger
from stagewright.runs import versions
from stagewright.runs.documents import layers as stored_layers
from stagewright.runs.intake import admission
from stagewright.runs.intake.run_requests import RunRequest
from stagewright.runs.stored_plan import recorded_stages
from stagewright.runs.versions import AwaitedVersion
from stagewright.store.trigger_state import SkippedEvent


def waiting(gateway: Gateway, package: Package) -> dict[str, AwaitedVersion]:
    """Pipeline -> its newest run that an approval of the version continues."""
    awaiting = versions.awaiting(gateway, package).items()
    return {pipeline: version for pipeline, version in awaiting if versions.continues(version)}


def request(
    gateway: Gateway,
    version: AwaitedVersion,
    event: Trigger,
    own: ModelApprovedTrigger | None = None,
) -> RunRequest | None:
    """The request of the run that continues a waiting run. None: the document has its stages off by now.

    `event`: the trigger of the approval. `own`: the document's trigger for it. It adds its stages and
    parameters; its cooldown does not apply, because a person asked for the run.
    """
    header = version.header
    trigger = replace(
        header.trigger, type=event.type, key=versions.continuation_key(gateway, version, event.key),
        by=event.by, package=version.package.arn, start=(), skip=(), resumes="", continues=header.run,
        parameters={**header.trigger.parameters, **(admission.parameters(own, event) if own else {})},
    )  # fmt: skip
    off = _disabled(gateway, header.pipeline)
    if not (stages := [name for name in version.stages if stage_of(name) not in off]):
        _record_skipped(gateway, version, trigger)
        return None
    known = [stage.name for stage in recorded_stages(gateway, header) if stage_of(stage.name) not in off]
    items = {"", *map(item_of, version.stages)}
    more = [name for name in known if own and stage_of(name) in own.only and item_of(name) in items]
    only = tuple(dict.fromkeys([*stages, *more]))
    trigger = replace(trigger, only=only)
    return RunRequest(header.pipeline, trigger, header.manifest, revision=header.revision)


def _disabled(gateway: Gateway, pipeline: str) -> frozenset[str]:
    """The stages that the current document disables. Empty: it cannot be read."""
    try:
        document = layers.effective(stored_layers.read(gateway, pipeline), lambda: True).pipeline
    except (DocumentError, NotFoundError):
        return frozenset()
    return frozenset(name for name, stage in document.stages.items() if not stage.enabled)


def _record_skipped(gateway: Gateway, version: AwaitedVersion, trigger: Trigger) -> None:
    """List the approval as a skipped event, then claim its key for no run."""
    names = ", ".join(version.stages)
    reason = f"disabled in the document since {version.header.run} waited for approval: {names}"
    skipped = SkippedEvent(trigger.time, trigger.key, trigger.type, reason)
    gateway.trigger_state.record_skipped(version.header.pipeline, skipped)
    gateway.runs.mark_skipped(trigger.key)
