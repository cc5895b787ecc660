"""Releases: pushed from a folder, published by the router."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from stagewright.errors import NotFoundError, PlanError, Problem, ReleaseError
from stagewright.naming import timestamp
from stagewright.plan.bundle import bundle
from stagewright.plan.release import CodeFile, Release
from stagewright.run import manifest as manifests
from stagewright.run.bundles import ensure_bundles, staging_key
from stagewright.run.folder import scan
from stagewright.run.gateway import Gateway
from stagewright.run.gateway.documents import Base
from stagewright.run.manifest import Manifest
from stagewright.run.together import together
from stagewright.run.trigger import has_code_trigger
from stagewright.spec.canonical import document_json, sha256_of
from stagewright.spec.pipeline import Pipeline

__all__ = ["Pushed", "ensure_bundles", "publish", "push", "scan"]


@dataclass(frozen=True)
class Pushed:
    """What a push did. `trigger_key` names the run that follows; None where none does."""

    trigger_key: str | None
    release: str
    uploaded: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


def push(
    gateway: Gateway,
    pipeline: Pipeline,
    files: Mapping[str, bytes],
    commit: str = "",
    parameters: Mapping[str, Any] | None = None,
    *,
    by: str = "",
    force: bool = False,
) -> Pushed:
    """Uploads what changed, the base document, and the manifest last: if anything fails, no run starts.

    `parameters` and `force` (run every stage) are of the run that the manifest starts. A push that changed
    nothing, or whose document has no code trigger, starts none: see `trigger.request_run`.
    ReleaseError: a stage names a code file that is not there.
    """
    _check_code(pipeline, files)
    name = pipeline.name
    before = _current(gateway, name)
    text = document_json(pipeline)
    after = {path: CodeFile(hashlib.sha256(body).hexdigest(), "", len(body)) for path, body in files.items()}
    known = before.files if before else {}
    changed = [path for path, file in after.items() if path not in known or known[path].sha256 != file.sha256]
    removed = tuple(sorted(set(known) - set(after)))
    digest = Release(name, after).digest
    if before and not changed and not removed and before.document == sha256_of(text):
        return Pushed(None, digest)
    versions = _upload(gateway, name, {path: files[path] for path in changed})
    together(lambda path: gateway.objects.delete(staging_key(name, path)), removed)
    _put_document(gateway, name, text)
    versions = {path: file.version for path, file in known.items()} | versions
    listed = {path: CodeFile(file.sha256, versions[path], file.size) for path, file in after.items()}
    release = Release(name, listed, sha256_of(text), commit)
    body = manifests.text_of(Manifest(release, parameters=parameters or {}, by=by, force=force).to_json())
    version = gateway.objects.put(manifests.key_of(name), body, "application/json")
    starts = has_code_trigger(json.loads(text))
    key = manifests.code_key(name, version) if starts else None
    return Pushed(key, digest, tuple(sorted(changed)), removed)


def publish(gateway: Gateway, manifest: Manifest, by: str = "") -> Release:
    """Verifies each listed version against its SHA-256 and records the release; again changes nothing.

    ReleaseError names every file whose stored version is gone or is not what the manifest lists.
    """
    release = manifest.release
    key = f"releases/{release.pipeline}/{release.digest}.json"
    if _recorded(gateway, key) == release.files:
        return release
    wrong = together(partial(_wrong, gateway, release.pipeline), release.files.items())
    if problems := [problem for problem in wrong if problem]:
        raise ReleaseError(f"the release is not what its manifest lists: {'; '.join(problems)}", "push again")
    record = manifest.to_json() | {
        "by": by or manifest.by,
        "manifest": manifest.version,
        "pushed": timestamp(datetime.fromtimestamp(manifest.written, UTC)),
    }
    gateway.objects.put_new(key, manifests.text_of(record))
    return release


def _upload(gateway: Gateway, pipeline: str, files: Mapping[str, bytes]) -> dict[str, str]:
    """Path -> version id."""
    versions = together(lambda path: gateway.objects.put(staging_key(pipeline, path), files[path]), files)
    return dict(zip(files, versions, strict=True))


def _current(gateway: Gateway, pipeline: str) -> Release | None:
    """The release of the current manifest; one that cannot be read counts as none."""
    try:
        manifest = manifests.read(gateway, pipeline)
    except ReleaseError:
        return None
    return manifest.release if manifest else None


def _put_document(gateway: Gateway, pipeline: str, text: str) -> None:
    sha256 = sha256_of(text)
    base = gateway.documents.base(pipeline)
    if base is None or base.sha256 != sha256:
        gateway.documents.put_base(pipeline, Base(text, sha256, timestamp(datetime.now(UTC))))


def _recorded(gateway: Gateway, key: str) -> dict[str, CodeFile] | None:
    try:
        stored = gateway.objects.get(key)
    except NotFoundError:
        return None
    return {path: CodeFile(**file) for path, file in json.loads(stored.body)["files"].items()}


def _wrong(gateway: Gateway, pipeline: str, listed: tuple[str, CodeFile]) -> str:
    """What is wrong with one stored file; empty where it is as listed."""
    path, file = listed
    try:
        stored = gateway.objects.get(staging_key(pipeline, path), file.version)
    except NotFoundError:
        return f"{path} (version {file.version}) is gone"
    found = hashlib.sha256(stored.body).hexdigest()
    return "" if found == file.sha256 else f"{path} has SHA-256 {found[:12]}..., listed {file.sha256[:12]}..."


def _check_code(pipeline: Pipeline, files: Mapping[str, bytes]) -> None:
    release = Release(pipeline.name, {path: CodeFile("") for path in files})
    problems: list[Problem] = []
    for name, stage in pipeline.stages.items():
        try:
            bundle(stage, name, release)
        except PlanError as error:
            problems += error.problems
    if problems:
        remedy = f"the code folder is {pipeline.code!r}, beside the document"
        raise ReleaseError("\n".join(map(str, problems)), remedy)
