"""A claimed run goes on: as far as it can now, from wherever it stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from stagewright.errors import (
    DeniedError,
    DocumentError,
    NotFoundError,
    Problem,
    ReleaseError,
    RunFailedError,
    StagewrightError,
)
from stagewright.naming import timestamp
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
from stagewright.run.start import Asked, Started, keep, resume, start, start_kept
from stagewright.spec.load import load
from stagewright.spec.parameters import with_parameters

UNUSABLE = (DocumentError, ReleaseError, DeniedError)
"""What is wrong with document, release or plan: trying again would not help."""
ATTEMPTS = 5
"""To plan and start a run whose turn has come: as often as the queue delivers a message."""


@dataclass(frozen=True)
class Material:
    """What a plan is made of. Without a manifest there is no code. `revision`: of a document that is recorded
    already, and not as it is now."""

    document: Effective
    manifest: Manifest | None
    revision: int = 0


def go_on(gateway: Gateway, run: str, material: Material | None = None) -> Started:
    """Plans and starts the run if its turn has come; starts it if it is planned; else changes nothing.

    `material`, where the caller has gathered it just now. What is wrong with document, release or plan
    refuses the run; whatever else goes wrong is raised, to be tried again, but the last time ends the run.
    Either way the next one's turn comes.
    """
    header = gateway.runs.header(run)
    if header is None or header.status not in ("QUEUED", "PLANNED"):
        return resume(gateway, run)
    asked = Asked.of(header)
    if header.status == "PLANNED" or turns.call(gateway, header.pipeline, caller=run) == run:
        return _try(gateway, header, asked, material)
    if asked.cancels:
        try:
            _take_over(gateway, header, asked, material)
        except UNUSABLE as error:
            _refuse(gateway, header, asked, said(error))
    return Started(run, "", new=False)


def _try(gateway: Gateway, header: Header, asked: Asked, material: Material | None) -> Started:
    """Of a run whose turn has come. It is tried as often as a message is delivered, whatever has it tried."""
    tries = gateway.leases.attempt(header.pipeline, header.run)
    try:
        return _begun(gateway, header, asked, material)
    except UNUSABLE as error:
        _refuse(gateway, header, asked, said(error))
    except Exception as error:
        if tries >= ATTEMPTS:
            give_up(gateway, header.run, f"{tries} attempts to plan and start it failed: {_told(error)}")
        raise
    return Started(header.run, "", new=False)


def _begun(gateway: Gateway, header: Header, asked: Asked, material: Material | None) -> Started:
    if header.status == "PLANNED":
        return resume(gateway, header.run)
    if header.plan:
        return start_kept(gateway, header)
    return start(gateway, _plan(gateway, header, asked, material))


def _plan(gateway: Gateway, header: Header, asked: Asked, material: Material | None) -> Plan:
    material = material or gather(gateway, header.pipeline, asked.version)
    return planned(gateway, header.trigger, asked, material)


def _refuse(gateway: Gateway, header: Header, asked: Asked, reason: str) -> None:
    _hear_again(gateway, header, asked)
    if abandon(gateway, header, "REFUSED", reason):
        report_refusal(gateway, header, reason)


def give_up(gateway: Gateway, run: str, why: str) -> bool:
    """Ends a run that cannot be planned or started, and tells people; False where it is over, or runs."""
    header = gateway.runs.header(run)
    reason = f"{why}; the router's log says where (that mended: stagewright resume {run})"
    if header is None or not abandon(gateway, header, "FAILED", reason):
        return False
    _hear_again(gateway, header, Asked.of(header))
    settings.logger().error("given up", run=run, pipeline=header.pipeline, reason=reason)
    recorder.notify(gateway, header, reason)
    return True


def gather(gateway: Gateway, pipeline: str, version: str, revision: int = 0) -> Material:
    """`version`, `revision`: as a request has them. Raises what is in `UNUSABLE`."""
    manifest = manifests.read(gateway, pipeline, version) if version or not revision else None
    if version and manifest is None:
        raise ReleaseError(f"version {version} of the manifest is gone", "push again")
    try:
        document = _recorded(gateway, pipeline, revision) if revision else _current(gateway, pipeline)
    except NotFoundError as error:  # it is one that is wrong: its run is refused, where people see it
        raise DocumentError((Problem("", error.message, error.remedy),)) from None
    return Material(document, manifest, revision)


def _current(gateway: Gateway, pipeline: str) -> Effective:
    return layers.effective(layers.read(gateway, pipeline), settings.code_overrides)


def _recorded(gateway: Gateway, pipeline: str, revision: int) -> Effective:
    document = load(revisions.document(gateway, pipeline, revision))
    return Effective(document, layers.of_push(document))


def planned(gateway: Gateway, trigger: Trigger, asked: Asked, material: Material) -> Plan:
    """The plan of a run as of now, with all that it needs in its place."""
    document, manifest = material.document, material.manifest
    pipeline = with_parameters(document.pipeline, dict(trigger.parameters))
    release = publish(gateway, manifest, trigger.by) if manifest else Release(pipeline.name, {})
    revision = material.revision or revisions.record(gateway, document, trigger.by if asked.version else "")
    plan = make_plan(gateway, pipeline, trigger, release, revision, force=asked.force)
    ensure_bundles(gateway, release, plan)
    return plan


def said(error: StagewrightError) -> str:
    return f"{error.message} ({error.remedy})" if error.remedy else error.message


def report_refusal(gateway: Gateway, header: Header, reason: str) -> None:
    """Once: by whoever refused the run."""
    settings.logger().warning("refused", metric="Refused", value=1, run=header.run, pipeline=header.pipeline)
    recorder.notify(gateway, header, reason, "was refused")


def _hear_again(gateway: Gateway, header: Header, asked: Asked) -> None:
    """No run came of it, so that its trigger's cooldown must not go on."""
    if asked.listens:
        gateway.marks.hear_again(header.pipeline, asked.listens, header.trigger.key)


def _told(error: Exception) -> str:
    return said(error) if isinstance(error, StagewrightError) else f"{type(error).__name__}: {error}"


def _take_over(gateway: Gateway, header: Header, asked: Asked, material: Material | None) -> None:
    """Stops the runs before this one, once it has a plan: one that is refused stops nobody.

    The plan is kept for its turn, unless one of them goes on, or has ended a stage since.
    """
    since = timestamp(datetime.now(UTC))
    plan = None if header.plan else _plan(gateway, header, asked, material)
    stopped = [
        _stop(gateway, run, header.run) and not _has_gone_on(gateway, run, since)
        for run in _before(gateway, header)
    ]
    if plan and all(stopped):
        keep(gateway, plan)


def _before(gateway: Gateway, header: Header) -> tuple[str, ...]:
    """The runs before this one: first those that wait, lest their turn comes."""
    place, lease = Place.of(header), gateway.leases.of(header.pipeline)
    waiting = gateway.leases.waiting(header.pipeline)
    runs = [each.run for each in waiting if each.key["item"] < place.key["item"]]
    return (*runs, lease.holder) if lease and lease.holder != header.run else tuple(runs)


def _stop(gateway: Gateway, run: str, by: str) -> bool:
    """Whether it is over, or about to be."""
    from stagewright.run.stop import stop  # late, since a cold start pays for every import

    try:
        stop(gateway, run, f"run {by}")
    except RunFailedError:
        return True  # it has ended meanwhile
    except StagewrightError as error:
        settings.logger().error("not stopped", run=run, reason=error.message)
        return False
    return True


def _has_gone_on(gateway: Gateway, run: str, since: str) -> bool:
    return any(stage.ended >= since for stage in gateway.runs.stages(run).values())
