"""Publish a release: verify the pushed files and record the release under its digest."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from stagewright.errors import NotFoundError, ReleaseError
from stagewright.formats import OBJECTS, read_object
from stagewright.gateway import Gateway
from stagewright.naming import timestamp
from stagewright.parallel import run_parallel
from stagewright.planner.release import CodeFile, Release
from stagewright.runs.releases import manifest as manifests
from stagewright.runs.releases.bundles import staging_key
from stagewright.runs.releases.manifest import Manifest


def publish(gateway: Gateway, manifest: Manifest, by: str = "") -> Release:
    """Verify each file of a manifest by its SHA-256, and record the release. Safe to repeat.

    `by` is who pushed it, if the manifest does not say. Raises ReleaseError with every file that is gone or
    differs from the manifest.
    """
    release = manifest.release
    published = release_record(gateway, release.pipeline, release.digest)
    if published and files_of(published) == release.files:
        return release
    read_files(gateway, release)
    record = manifest.to_json() | {
        "format": OBJECTS["release"],
        "by": by or manifest.by,
        "manifest": manifest.version,
        "pushed": timestamp(datetime.fromtimestamp(manifest.written, UTC)),
    }
    gateway.objects.put_new(record_key(release.pipeline, release.digest), manifests.to_bytes(record))
    return release


def record_key(pipeline: str, digest: str) -> str:
    """Return the object key of a release's record."""
    return f"releases/{pipeline}/{digest}.json"


def release_record(gateway: Gateway, pipeline: str, digest: str) -> Mapping[str, Any]:
    """Return the record of a published release, empty if there is none, as for a run without code."""
    key = record_key(pipeline, digest)
    try:
        stored = gateway.objects.get(key)
    except NotFoundError:
        return {}
    return read_object("release", stored.body, key)


def files_of(record: Mapping[str, Any]) -> dict[str, CodeFile]:
    """Return path -> file of a release record."""
    return {path: CodeFile(**file) for path, file in record["files"].items()}


def read_files(gateway: Gateway, release: Release) -> dict[str, bytes]:
    """Return path -> content of a release's files, verified by their SHA-256.

    Raises ReleaseError with every file that is gone or differs from the manifest.
    """
    read = run_parallel(partial(_content, gateway, release.pipeline), release.files.items())
    if problems := [problem for problem in read if isinstance(problem, str)]:
        raise ReleaseError(f"the release differs from its manifest: {'; '.join(problems)}", "push again")
    return {path: body for path, body in zip(release.files, read, strict=True) if isinstance(body, bytes)}


def _content(gateway: Gateway, pipeline: str, listed: tuple[str, CodeFile]) -> bytes | str:
    """Return the content of a file, or a sentence on how it differs from the manifest."""
    path, file = listed
    try:
        stored = gateway.objects.get(staging_key(pipeline, path), file.version)
    except NotFoundError:
        return f"{path} (version {file.version}) is gone"
    sha256 = hashlib.sha256(stored.body).hexdigest()
    if sha256 == file.sha256:
        return stored.body
    return f"{path} has SHA-256 {sha256[:12]}..., listed {file.sha256[:12]}..."
