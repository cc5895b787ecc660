"""."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from stagewright.errors import NotFoundError, ReleaseError
from stagewright.gateway import Gateway
from stagewright.naming import timestamp
from stagewright.parallel import run_parallel
from stagewright.planner.release import CodeFile, Release
from stagewright.runs.releases import manifest as manifests
from stagewright.runs.releases.bundles import staging_key
from stagewright.runs.releases.manifest import Manifest


def publish(gateway: Gateway, manifest: Manifest, by: str = "") -> Release:
    """Verifies each listed version against its SHA-256 and records the release; again changes nothing.

    ReleaseError names every file whose stored version is gone or is not what the manifest lists.
    """
    release = manifest.release
    known = release_record(gateway, release.pipeline, release.digest)
    if known and files_of(known) == release.files:
        return release
    contents(gateway, release)
    record = manifest.to_json() | {
        "by": by or manifest.by,
        "manifest": manifest.version,
        "pushed": timestamp(datetime.fromtimestamp(manifest.written, UTC)),
    }
    gateway.objects.put_new(record_key(release.pipeline, release.digest), manifests.text_of(record))
    return release


def record_key(pipeline: str, digest: str) -> str:
    return f"releases/{pipeline}/{digest}.json"


def release_record(gateway: Gateway, pipeline: str, digest: str) -> Mapping[str, Any]:
    """What `publish` has recorded; empty where it has not, as of a run without code."""
    try:
        stored = gateway.objects.get(record_key(pipeline, digest))
    except NotFoundError:
        return {}
    said: Mapping[str, Any] = json.loads(stored.body)
    return said


def files_of(record: Mapping[str, Any]) -> dict[str, CodeFile]:
    """Those of a record, by path."""
    return {path: CodeFile(**file) for path, file in record["files"].items()}


def contents(gateway: Gateway, release: Release) -> dict[str, bytes]:
    """Path -> what is stored in the listed version. ReleaseError names every file that is gone or is not as
    listed.
    """
    read = run_parallel(partial(_content, gateway, release.pipeline), release.files.items())
    if problems := [found for found in read if isinstance(found, str)]:
        raise ReleaseError(f"the release is not what its manifest lists: {'; '.join(problems)}", "push again")
    return {path: body for path, body in zip(release.files, read, strict=True) if isinstance(body, bytes)}


def _content(gateway: Gateway, pipeline: str, listed: tuple[str, CodeFile]) -> bytes | str:
    """One stored file; in words what is wrong with it, where it is not as listed."""
    path, file = listed
    try:
        stored = gateway.objects.get(staging_key(pipeline, path), file.version)
    except NotFoundError:
        return f"{path} (version {file.version}) is gone"
    found = hashlib.sha256(stored.body).hexdigest()
    if found == file.sha256:
        return stored.body
    return f"{path} has SHA-256 {found[:12]}..., listed {file.sha256[:12]}..."
