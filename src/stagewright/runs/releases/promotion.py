"""Promote a release that succeeded in one installation to another installation.

The files are read in the versions that the release lists and verified by their SHA-256, so the digest stays
the same. The base document is the one that the run used. The overlay and the overrides are those of the other
environment. Everything is read and checked before anything is written. The manifest comes last, as in a push.

`promoted` of the new manifest is the lineage: `from` (environment), `installation`, `account`, `region`, `by`
(who pushed it there), and `run` (the successful run) or `untested: true`.
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
from stagewright.runs.documents import layers, upstream_cycles
from stagewright.runs.releases import manifest as manifests
from stagewright.runs.releases import publish, push
from stagewright.runs.releases.manifest import Manifest
from stagewright.runs.releases.push import PushResult
from stagewright.store.run_items import Header

RUNS = 1000
"""Newest runs of a pipeline that are searched for a successful one."""


@dataclass(frozen=True)
class Candidate:
    """A release to promote. `overridden`: its run used overrides, which are not promoted."""

    pipeline: Pipeline
    release: Release
    lineage: Mapping[str, Any]
    overridden: bool = False


@dataclass(frozen=True)
class Promotion:
    """A checked promotion. `changes` are those of the target's effective document."""

    candidate: Candidate
    files: Mapping[str, bytes] = field(repr=False)
    overlay: Mapping[str, Any]
    changes: tuple[Change, ...]


def find_candidate(
    source: OperatorGateway, pipeline: str, digest: str = "", *, untested: bool = False
) -> Candidate:
    """Return the release with this digest (or its first digits), or the one that was pushed last.

    Raises NotFoundError if there is no such release. Raises ReleaseError if it has no successful run, unless
    `untested` is set, or if its document is not stored.
    """
    manifest = _manifest(source, pipeline, digest)
    installation, release = source.installation, manifest.release
    run = _good_run(source, manifest, pushed=not digest)
    if run is None and not untested:
        message = (
            f"release {release.digest[:12]} of {pipeline} has no successful run in {installation.environment}"
        )
        raise ReleaseError(message, "run it there first, or promote it untested: --untested")
    layer_hashes = _layer_hashes(source, run) if run else {}
    text = _document(source, pipeline, layer_hashes.get("base") or release.document)
    evidence: dict[str, Any] = {"run": run.run} if run else {"untested": True}
    origin = {
        "from": installation.environment,
        "installation": installation.id,
        "account": installation.account,
        "region": installation.region,
    }
    by = {"by": manifest.by} if manifest.by else {}
    promoted = Release(pipeline, release.files, sha256_of(text), release.commit)
    return Candidate(
        load(json.loads(text)), promoted, {**origin, **by, **evidence}, bool(layer_hashes.get("overrides"))
    )


def prepare(
    source: OperatorGateway,
    target: OperatorGateway,
    candidate: Candidate,
    overlay: Mapping[str, Any] | None = None,
) -> Promotion:
    """Read and check everything, and write nothing. Without `overlay`, the target keeps its overlay.

    Raises ReleaseError if a file is gone or differs, DocumentError if the document is invalid with the
    target's layers.
    """
    if source.installation == target.installation:
        raise ReleaseError(f"{target.installation.id} is where the release is", "name two different targets")
    before = _stored(target, candidate.pipeline.name)
    if overlay is None:
        overlay = before.data("environment") if before else {}
    after = layers.on_disk(target, candidate.pipeline, overlay)
    effective(after, target.allows_code_overrides)
    upstream_cycles.check(target, after.document())
    changed = differences(before.document() if before else {}, after.document())
    return Promotion(candidate, publish.read_files(source, candidate.release), overlay, tuple(changed))


def execute(target: OperatorGateway, promotion: Promotion, by: str) -> PushResult:
    """Push files, document and overlay to the target, then the manifest, which starts the run."""
    candidate = promotion.candidate
    return push.push(
        target, candidate.pipeline, promotion.files, candidate.release.commit,
        by=by, overlay=promotion.overlay, promoted=candidate.lineage,
    )  # fmt: skip


def _manifest(source: OperatorGateway, pipeline: str, digest: str) -> Manifest:
    """Return the record of a release, or the current manifest without a digest."""
    environment = source.installation.environment
    current = manifests.read(source, pipeline)
    if not digest or (current and current.release.digest.startswith(digest)):
        if current is None:
            raise NotFoundError(f"no release of {pipeline} in {environment}", "push it there first")
        return current
    listed = source.objects.list(publish.record_key(pipeline, digest).removesuffix(".json"))
    keys = [entry.key for entry in listed]
    if len(keys) != 1:
        what = f"{len(keys)} releases" if keys else "no release"
        remedy = "give more of the digest" if keys else "stagewright show RUN names a run's release"
        raise NotFoundError(f"{what} {digest} of {pipeline} in {environment}", remedy)
    stored = source.objects.get(keys[0])
    return manifests.parse(stored.body, pipeline, stored.version, stored.modified)


def _good_run(source: OperatorGateway, manifest: Manifest, *, pushed: bool) -> Header | None:
    """Return the newest successful run of all stages of a release.

    `pushed`: the manifest is the one that was pushed last; the run must have used its document.
    """
    digest, document = manifest.release.digest, manifest.release.document
    for run in source.runs.of_pipeline(manifest.release.pipeline, RUNS):
        good = run.release == digest and run.status == "SUCCEEDED" and run.trigger.selection == ALL
        if good and (not pushed or _layer_hashes(source, run).get("base") == document):
            return run
    return None


def _layer_hashes(source: OperatorGateway, run: Header) -> Mapping[str, Any]:
    revision = source.documents.revision(run.pipeline, run.revision)
    return revision.layers if revision else {}


def _document(source: OperatorGateway, pipeline: str, sha256: str) -> str:
    """Return the pushed base document with this hash, from the versions of the manifest.

    The table has copies of documents, which prove nothing about what was pushed.
    """
    key = manifests.key_of(pipeline)
    for listed in source.objects.versions(key):
        text = manifests.document_of(source.objects.get(key, listed.version).body, key)
        if sha256_of(text) == sha256:
            return text
    message = f"the document of that release of {pipeline} ({sha256[:12]}) is not stored"
    raise ReleaseError(message, "push it again, and run it")


def _stored(target: OperatorGateway, pipeline: str) -> Layers | None:
    try:
        return layers.read(target, pipeline)
    except NotFoundError:
        return None
