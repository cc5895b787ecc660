"""Push a pipeline: upload its code files and its document, then the release manifest."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from stagewright.document import layers
from stagewright.document.canonical_json import sha256_of
from stagewright.document.layers import Layers
from stagewright.document.load import load
from stagewright.document.pipeline import Pipeline
from stagewright.document.stored_layers import Base
from stagewright.errors import PlanError, Problem, ReleaseError
from stagewright.gateway import Gateway
from stagewright.naming import timestamp
from stagewright.parallel import run_parallel
from stagewright.planner.release import CodeFile, Release
from stagewright.planner.selection import ALL, Selection
from stagewright.planner.stage_files import bundle
from stagewright.runs.documents import upstream_cycles
from stagewright.runs.releases import manifest as manifests
from stagewright.runs.releases import released_layers
from stagewright.runs.releases.bundles import staging_key
from stagewright.runs.releases.manifest import Manifest
from stagewright.store.documents import LayerName


@dataclass(frozen=True)
class PushResult:
    """What a push did. `trigger_key` is the key of the run that it starts, None if it starts none.

    `document`: whether the document or its overlay changed.
    """

    trigger_key: str | None
    release: str
    uploaded: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    document: bool = False


@dataclass(frozen=True)
class _Changes:
    """The difference between a push and the current manifest. `files` are all files of the push."""

    pipeline: str
    files: Mapping[str, CodeFile]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    document: bool

    @property
    def any(self) -> bool:
        return bool(self.changed or self.removed or self.document)


def push(
    gateway: Gateway,
    pipeline: Pipeline,
    files: Mapping[str, bytes],
    commit: str = "",
    parameters: Mapping[str, Any] | None = None,
    *,
    by: str = "",
    force: bool = False,
    overlay: Mapping[str, Any] | None = None,
    promoted: Mapping[str, Any] | None = None,
    selection: Selection = ALL,
    resumes: str = "",
    date: str = "",
) -> PushResult:
    """Upload the changed files, the document, and the manifest last. If anything fails, no run starts.

    The manifest holds the document. The table has a copy (see `released_layers`).

    `overlay` is the environment's overlay; without one, the stored overlay is deleted. `promoted` is the
    origin of a promoted release. `parameters`, `force` (run every stage), `selection`, `resumes` (the run to
    resume) and `date` belong to the run that the manifest starts.

    A push without changes, or of a document without a code trigger, starts no run (see
    `requests.request_run`). Later changes of the document do not change that. Raises ReleaseError if a stage
    names a missing code file, DocumentError if upstream triggers form a cycle.
    """
    pushed = layers.pushed_layers(pipeline, overlay, by)
    _validate(gateway, pushed, files)
    changes = _changes(_current(gateway, pipeline.name), pushed, files)
    manifest = Manifest(
        Release(pipeline.name, changes.files, pushed.base.sha256, commit),
        parameters=parameters or {},
        by=by,
        force=force,
        environment=_sha256(pushed.environment),
        promoted=promoted or {},
        selection=selection,
        resumes=resumes,
        date=date,
        documents=_texts(pushed),
    )
    if not changes.any and not _changed_layers(gateway, pushed):
        return PushResult(None, manifest.release.digest)
    stored = replace(manifest.release, files=_put_files(gateway, changes, files))
    released_layers.announce(gateway, pushed)
    _put_layers(gateway, pushed)
    version = _put_manifest(gateway, replace(manifest, release=stored))
    key = manifests.code_key(pipeline.name, version) if manifest.requests_run else None
    return PushResult(key, stored.digest, changes.changed, changes.removed, document=changes.document)


def compare(
    manifest: Manifest,
    pipeline: Pipeline,
    files: Mapping[str, bytes],
    overlay: Mapping[str, Any] | None = None,
) -> PushResult:
    """Return what a push would change of the release in `manifest`. Writes nothing."""
    changes = _changes(manifest, layers.pushed_layers(pipeline, overlay), files)
    return PushResult(None, manifest.release.digest, changes.changed, changes.removed, changes.document)


def _validate(gateway: Gateway, pushed: Layers, files: Mapping[str, bytes]) -> None:
    """Raise what is wrong before anything is written."""
    document = pushed.document()
    _require_code(load(document), files)
    upstream_cycles.check(gateway, document)


def _changes(before: Manifest | None, pushed: Layers, files: Mapping[str, bytes]) -> _Changes:
    known = before.release.files if before else {}
    listed = {path: _manifest_entry(known.get(path), body) for path, body in files.items()}
    now = (pushed.base.sha256, _sha256(pushed.environment))
    return _Changes(
        pushed.pipeline,
        listed,
        tuple(sorted(path for path, file in listed.items() if not file.version)),
        tuple(sorted(set(known) - set(files))),
        document=before is None or (before.release.document, before.environment) != now,
    )


def _manifest_entry(known: CodeFile | None, body: bytes) -> CodeFile:
    """Return a file's entry in the manifest. A file that must be uploaded has no version."""
    sha256 = hashlib.sha256(body).hexdigest()
    return CodeFile(sha256, known.version if known and known.sha256 == sha256 else "", len(body))


def _put_files(gateway: Gateway, changes: _Changes, files: Mapping[str, bytes]) -> Mapping[str, CodeFile]:
    """Upload changed files and delete removed ones. Return all files with their versions."""

    def put(path: str) -> str:
        return gateway.objects.put(staging_key(changes.pipeline, path), files[path])

    versions = dict(zip(changes.changed, run_parallel(put, changes.changed), strict=True))
    run_parallel(lambda path: gateway.objects.delete(staging_key(changes.pipeline, path)), changes.removed)
    return {
        path: replace(file, version=versions.get(path, file.version)) for path, file in changes.files.items()
    }


def _put_manifest(gateway: Gateway, manifest: Manifest) -> str:
    """Write the manifest. Return its version id."""
    body = manifests.to_bytes(manifest.to_json())
    return gateway.objects.put(manifests.key_of(manifest.release.pipeline), body, "application/json")


def _texts(pushed: Layers) -> dict[str, str]:
    layers = {"base": pushed.base, "environment": pushed.environment}
    return {name: layer.document for name, layer in layers.items() if layer}


def _sha256(layer: Base | None) -> str:
    return layer.sha256 if layer else ""


def _current(gateway: Gateway, pipeline: str) -> Manifest | None:
    """Return the current manifest, None if there is none or it is invalid."""
    try:
        return manifests.read(gateway, pipeline)
    except ReleaseError:
        return None


def _changed_layers(gateway: Gateway, pushed: Layers) -> dict[LayerName, Base | None]:
    """Return the layers that differ from the stored ones. None: the layer must be deleted."""
    wanted: dict[LayerName, Base | None] = {"environment": pushed.environment, "base": pushed.base}
    stored = run_parallel(lambda layer: gateway.documents.layer(pushed.pipeline, layer), wanted)
    return {
        layer: new
        for (layer, new), old in zip(wanted.items(), stored, strict=True)
        if _hashes(new) != _hashes(old)
    }


def _hashes(layer: Base | None) -> tuple[str, str] | None:
    return (layer.sha256, sha256_of(layer.document)) if layer else None


def _put_layers(gateway: Gateway, pushed: Layers) -> None:
    now = timestamp(datetime.now(UTC))
    for layer, new in _changed_layers(gateway, pushed).items():
        if new is None:
            gateway.documents.delete_environment(pushed.pipeline)
        else:
            gateway.documents.put_layer(pushed.pipeline, layer, replace(new, written=now))


def _require_code(pipeline: Pipeline, files: Mapping[str, bytes]) -> None:
    release = Release(pipeline.name, {path: CodeFile("") for path in files})
    problems: list[Problem] = []
    for name, stage in pipeline.stages.items():
        try:
            bundle(stage, name, release)
        except PlanError as error:
            problems += error.problems
    if problems:
        remedy = f"the code folder is {pipeline.code!r}, next to the document"
        raise ReleaseError("\n".join(map(str, problems)), remedy)
