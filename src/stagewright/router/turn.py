"""A claimed run goes on: as far as it can now, from wherever it stands."""

from __future__ import annotations

from dataclasses import dataclass

from stagewright.errors import (
    DeniedError,
    DocumentError,
    NotFoundError,
    Problem,
    ReleaseError,
    RunFailedError,
    StagewrightError,
)
from stagewright.plan.model import Plan, Trigger
from stagewright.plan.release import Release
from stagewright.router import recorder, settings
from stagewright.run import layers, revisions, turns
from stagewright.run import manifest as manifests
from stagewright.run.bundles import ensure_bundles
from stagewright.run.close import abandon
from stagewright.run.gateway import Gateway
from stagewright.run.gateway.leases import Place
from stagewright.run.gateway.runs import Header
from stagewright.run.layers import Effective
from stagewright.run.manifest import Manifest
from stagewright.run.planning import make_plan
from stagewright.run.release import publish
from stagewright.run.start import Asked, Started, resume, start
from stagewright.run.stop import stop
from stagewright.spec.parameters import with_parameters

UNUSABLE = (DocumentError, ReleaseError, DeniedError)
"""What is wrong with document, release or plan: trying again would not help."""


@dataclass(frozen=True)
class Material:
    """What a plan is made of, as it is now. Without a manifest there is no code."""

    document: Effective
    manifest: Manifest | None


def go_on(gateway: Gateway, run: str, material: Material | None = None) -> Started:
    """Plans and starts the run if its turn has come; starts it if it is planned; else changes nothing.

    `material`, where the caller has gathered it just now. What is wrong with document, release or plan
    refuses the run, and the next one's turn comes.
    """
    header = gateway.runs.header(run)
    if header is None or header.status != "QUEUED":
        return resume(gateway, run)
    asked = Asked.of(header)
    holder = turns.call(gateway, header.pipeline, caller=run)
    if holder != run and not asked.cancels:
        return Started(run, "", new=False)
    try:
        material = material or gather(gateway, header.pipeline, asked.version)
        plan = planned(gateway, header.trigger, asked, material)
        if holder == run:
            return start(gateway, plan)
        _cancel(gateway, header, holder)  # only now: a run that is refused stops nobody
    except UNUSABLE as error:
        _refuse(gateway, header, asked, said(error))
    return Started(run, "", new=False)


def gather(gateway: Gateway, pipeline: str, version: str) -> Material:
    """`version`: of the manifest; the current one where it is empty. Raises what is in `UNUSABLE`."""
    manifest = manifests.read(gateway, pipeline, version)
    if version and manifest is None:
        raise ReleaseError(f"version {version} of the manifest is gone", "push again")
    try:
        found = layers.read(gateway, pipeline)
    except NotFoundError as error:  # it is one that is wrong: its run is refused, where people see it
        raise DocumentError((Problem("", error.message, error.remedy),)) from None
    return Material(layers.effective(found, settings.code_overrides), manifest)


def planned(gateway: Gateway, trigger: Trigger, asked: Asked, material: Material) -> Plan:
    """The plan of a run as of now, with all that it needs in its place."""
    document, manifest = material.document, material.manifest
    pipeline = with_parameters(document.pipeline, dict(trigger.parameters))
    release = publish(gateway, manifest, trigger.by) if manifest else Release(pipeline.name, {})
    revision = revisions.record(gateway, document, trigger.by if asked.version else "")
    plan = make_plan(gateway, pipeline, trigger, release, revision, force=asked.force)
    ensure_bundles(gateway, release, plan)
    return plan


def said(error: StagewrightError) -> str:
    return f"{error.message} ({error.remedy})" if error.remedy else error.message


def report_refusal(gateway: Gateway, header: Header, reason: str) -> None:
    """Once: by whoever refused the run."""
    settings.logger().warning("refused", metric="Refused", value=1, run=header.run, pipeline=header.pipeline)
    recorder.notify(gateway, header, reason, "was refused")


def _refuse(gateway: Gateway, header: Header, asked: Asked, reason: str) -> None:
    if asked.listens:
        gateway.marks.hear_again(header.pipeline, asked.listens, header.trigger.key)
    if abandon(gateway, header, "REFUSED", reason):
        report_refusal(gateway, header, reason)


def _cancel(gateway: Gateway, header: Header, holder: str) -> None:
    """Stops the runs before this one: first those that wait, lest their turn comes."""
    place = Place.of(header)
    before = [
        each.run for each in gateway.leases.waiting(header.pipeline) if each.key["item"] < place.key["item"]
    ]
    for run in (*before, holder):
        try:
            stop(gateway, run, f"run {header.run}")
        except RunFailedError:
            continue  # it has ended meanwhile
        except StagewrightError as error:
            settings.logger().error("not stopped", run=run, reason=error.message)
