"""Promotion: a release that ran well in one installation, made the release of another.

The files are read in the versions that the release lists and verified by their SHA-256, so the digest is the
same there; the base document is the one that the run had. What differs is the overlay of the other
environment, and its overrides. Everything is read and checked before anything is written; the manifest comes
last, as in a push.

`promoted` of the new manifest, and of the release record that the router makes of it, is the lineage: `from`
(environment), `installation`, `account`, `region`, `by` (who pushed it there), and `run`, the good run, or
`untested: true` where nobody has seen one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stagewright.document.canonical_json import sha256_of
from stagewright.document.effective_diff import differences
from stagewright.document.layers import Layers, effective
from stagewright.document.load import load
from stagewright.document.merge import Change
from stagewright.document.pipeline import Pipeline
from stagewright.errors import NotFoundError, ReleaseError
from stagewright.operator_gateway import OperatorGateway
from stagewright.planner.release import Release
from stagewright.planner.selection import ALL
from stagewright.runs.documents import layers, revisions
from stagewright.runs.releases import manifest as manifests
from stagewright.runs.releases import publish, push
from stagewright.runs.releases.manifest import Manifest
from stagewright.runs.releases.push import Pushed
from stagewright.runs.triggers import upstream
from stagewright.store.runs import Header

RUNS = 1000
"""How many of a pipeline's newest runs are looked at for one that went well."""


@dataclass(frozen=True)
class Candidate:
    """What is to be promoted. `overridden`: the good run had overrides, which stay where they are."""

    pipeline: Pipeline
    release: Release
    lineage: Mapping[str, Any]
    overridden: bool = False


@dataclass(frozen=True)
class Promotion:
    """All that will be written: decided and verified. `changes`: of the effective document there."""

    candidate: Candidate
    files: Mapping[str, bytes] = field(repr=False)
    overlay: Mapping[str, Any]
    changes: tuple[Change, ...]


def find(source: OperatorGateway, pipeline: str, digest: str = "", *, untested: bool = False) -> Candidate:
    """The release with that digest (or the beginning of one), or the one that was pushed last.

    NotFoundError: no such release. ReleaseError: it has not run well there, unless `untested` says that this
    does not matter, or its document is not kept.
    """
    manifest = _manifest(source, pipeline, digest)
    place, here = source.installation, manifest.release
    run = _good_run(source, manifest, pushed=not digest)
    if run is None and not untested:
        message = f"release {here.digest[:12]} of {pipeline} has not run well in {place.environment}"
        raise ReleaseError(message, "run it there first, or promote it nevertheless: --untested")
    made = _layers_of(source, run) if run else {}
    text = _document(source, pipeline, made.get("base") or here.document)
    seen: dict[str, Any] = {"run": run.run} if run else {"untested": True}
    origin = {
        "from": place.environment,
        "installation": place.id,
        "account": place.account,
        "region": place.region,
    }
    by = {"by": manifest.by} if manifest.by else {}
    found = Release(pipeline, here.files, sha256_of(text), here.commit)
    return Candidate(load(json.loads(text)), found, {**origin, **by, **seen}, bool(made.get("overrides")))


def prepare(
    source: OperatorGateway,
    target: OperatorGateway,
    candidate: Candidate,
    overlay: Mapping[str, Any] | None = None,
) -> Promotion:
    """Reads and checks everything, writes nothing. Without `overlay` the one that is there stays.

    ReleaseError: a file is gone or changed. DocumentError: the document is not right with the layers there.
    """
    if source.installation == target.installation:
        raise ReleaseError(f"{target.installation.id} is where the release is", "name two different targets")
    before = _stored(target, candidate.pipeline.name)
    if overlay is None:
        overlay = before.data("environment") if before else {}
    after = layers.on_disk(target, candidate.pipeline, overlay)
    effective(after, target.allows_code_overrides)
    upstream.check(target, after.document())
    changed = differences(before.document() if before else {}, after.document())
    return Promotion(candidate, publish.contents(source, candidate.release), overlay, tuple(changed))


def carry_out(target: OperatorGateway, promotion: Promotion, by: str) -> Pushed:
    """Files, document and overlay, then the manifest, whose event starts the run there."""
    candidate = promotion.candidate
    return push.push(
        target, candidate.pipeline, promotion.files, candidate.release.commit,
        by=by, overlay=promotion.overlay, promoted=candidate.lineage,
    )  # fmt: skip


def _manifest(source: OperatorGateway, pipeline: str, digest: str) -> Manifest:
    """The record of a release, or, without a digest, the current manifest."""
    environment = source.installation.environment
    current = manifests.read(source, pipeline)
    if not digest or (current and current.release.digest.startswith(digest)):
        if current is None:
            raise NotFoundError(f"no release of {pipeline} in {environment}", "push it there first")
        return current
    listed = source.objects.list(publish.record_key(pipeline, digest).removesuffix(".json"))
    keys = [found.key for found in listed]
    if len(keys) != 1:
        what = f"{len(keys)} releases" if keys else "no release"
        remedy = "give more of the digest" if keys else "stagewright show RUN names a run's release"
        raise NotFoundError(f"{what} {digest} of {pipeline} in {environment}", remedy)
    stored = source.objects.get(keys[0])
    return manifests.parse(stored.body, pipeline, stored.version, stored.modified)


def _good_run(source: OperatorGateway, manifest: Manifest, *, pushed: bool) -> Header | None:
    """The newest whole run of that release which ended well; of what was `pushed` last, with its document."""
    digest, document = manifest.release.digest, manifest.release.document
    for run in source.runs.of_pipeline(manifest.release.pipeline, RUNS):
        good = run.release == digest and run.status == "SUCCEEDED" and run.trigger.selection == ALL
        if good and (not pushed or _layers_of(source, run).get("base") == document):
            return run
    return None


def _layers_of(source: OperatorGateway, run: Header) -> Mapping[str, Any]:
    revision = source.documents.revision(run.pipeline, run.revision)
    return revision.layers if revision else {}


def _document(source: OperatorGateway, pipeline: str, sha256: str) -> str:
    """The base document with that hash: as it is now, or as it was kept with a revision."""
    base = source.documents.base(pipeline)
    if base and sha256_of(base.document) == sha256:
        return base.document
    try:
        return source.objects.get(revisions.document_key(pipeline, sha256)).body.decode()
    except NotFoundError:
        message = f"the document of that release of {pipeline} ({sha256[:12]}) is not kept"
        raise ReleaseError(message, "push it again, and let it run") from None


def _stored(target: OperatorGateway, pipeline: str) -> Layers | None:
    try:
        return layers.read(target, pipeline)
    except NotFoundError:
        return None
