"""Code bundles: the code files of one stage under a content-addressed key. SageMaker reads them there."""

from __future__ import annotations

import gzip
import hashlib
import io
from collections.abc import Iterable, Mapping

from stagewright.errors import ReleaseError
from stagewright.gateway import Gateway
from stagewright.parallel import run_parallel
from stagewright.planner.model import Plan
from stagewright.planner.release import Release


def staging_key(pipeline: str, path: str) -> str:
    return f"staging/{pipeline}/{path}"


def bundle_key(pipeline: str, bundle: str) -> str:
    return f"code/{pipeline}/{bundle}/"


def ensure_bundles(gateway: Gateway, release: Release, plan: Plan) -> tuple[str, ...]:
    """Store the bundles of the stages that run. Return the ids of the new ones. Safe to repeat.

    The tarball is written last, so a bundle with a tarball is complete. Raises ReleaseError if a stored file
    differs from the manifest.
    """
    needed = {
        release.bundle(stage.bundle): release.select(stage.bundle)
        for stage in plan.stages
        if stage.action == "run" and stage.bundle
    }
    stored = run_parallel(lambda bundle: _exists(gateway, release, bundle), needed)
    missing = [bundle for bundle, is_stored in zip(needed, stored, strict=True) if not is_stored]
    if missing:
        bodies = _bodies(gateway, release, {path for bundle in missing for path in needed[bundle]})
        for bundle in missing:
            _store(gateway, release, bundle, {path: bodies[path] for path in needed[bundle]})
    return tuple(missing)


def tarball(files: Mapping[str, bytes]) -> bytes:
    """Return a source.tar.gz. The same files give the same bytes: sorted, owner 0, time 0, fixed header."""
    import tarfile  # late import: only a new bundle needs it

    packed = io.BytesIO()
    with (
        gzip.GzipFile("", "wb", fileobj=packed, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for path in sorted(files):
            member = tarfile.TarInfo(path)
            member.size = len(files[path])
            archive.addfile(member, io.BytesIO(files[path]))
    return packed.getvalue()


def _exists(gateway: Gateway, release: Release, bundle: str) -> bool:
    return gateway.objects.exists(bundle_key(release.pipeline, bundle) + "source.tar.gz")


def _bodies(gateway: Gateway, release: Release, paths: Iterable[str]) -> dict[str, bytes]:
    """Return path -> content, verified by its SHA-256."""

    def body(path: str) -> bytes:
        file = release.files[path]
        content = gateway.objects.get(staging_key(release.pipeline, path), file.version).body
        if hashlib.sha256(content).hexdigest() != file.sha256:
            raise ReleaseError(f"{path} differs from the manifest", "push again")
        return content

    names = sorted(paths)
    return dict(zip(names, run_parallel(body, names), strict=True))


def _store(gateway: Gateway, release: Release, bundle: str, files: Mapping[str, bytes]) -> None:
    prefix = bundle_key(release.pipeline, bundle)

    def copy(path: str) -> None:
        version = release.files[path].version
        gateway.objects.copy(staging_key(release.pipeline, path), version, f"{prefix}files/{path}")

    run_parallel(copy, files)
    gateway.objects.put(f"{prefix}source.tar.gz", tarball(files), "application/gzip")
