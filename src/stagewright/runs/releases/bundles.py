"""Bundles: the code files of one stage, content-addressed, where SageMaker reads them."""

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
    """Makes the bundles of the stages that run, where they are not there yet; the ids of those it made.

    The tarball is written last: where it is, the bundle is whole. ReleaseError: a file is not as listed.
    """
    wanted = {
        release.bundle(stage.bundle): release.select(stage.bundle)
        for stage in plan.stages
        if stage.action == "run" and stage.bundle
    }
    missing = [
        bundle
        for bundle, there in zip(
            wanted, run_parallel(lambda each: _exists(gateway, release, each), wanted), strict=True
        )
        if not there
    ]
    if missing:
        bodies = _bodies(gateway, release, {path for bundle in missing for path in wanted[bundle]})
        for bundle in missing:
            _make(gateway, release, bundle, {path: bodies[path] for path in wanted[bundle]})
    return tuple(missing)


def tarball(files: Mapping[str, bytes]) -> bytes:
    """source.tar.gz, the same bytes for the same files: sorted, owner 0, time 0, a fixed gzip header."""
    import tarfile  # only a new bundle pays for it

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
    def body(path: str) -> bytes:
        file = release.files[path]
        content = gateway.objects.get(staging_key(release.pipeline, path), file.version).body
        if hashlib.sha256(content).hexdigest() != file.sha256:
            raise ReleaseError(f"{path} is not what the manifest lists", "push again")
        return content

    names = sorted(paths)
    return dict(zip(names, run_parallel(body, names), strict=True))


def _make(gateway: Gateway, release: Release, bundle: str, files: Mapping[str, bytes]) -> None:
    prefix = bundle_key(release.pipeline, bundle)

    def copy(path: str) -> None:
        version = release.files[path].version
        gateway.objects.copy(staging_key(release.pipeline, path), version, f"{prefix}files/{path}")

    run_parallel(copy, files)
    gateway.objects.put(f"{prefix}source.tar.gz", tarball(files), "application/gzip")
