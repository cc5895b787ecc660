"""The pushes of a pipeline: the versions of its manifest, in the order in which S3 stored them.

S3 lists versions newest first (API reference of ListObjectVersions). It dates them in whole seconds, so a
push is dated by its second and its place within that second.

A push that no run has claimed, and that is newer than every claimed one, is lost: its event has not arrived.
The event of a push claims the lost ones before it first, so the pushes of a pipeline run in their order. An
older push that is claimed later is overtaken. It does not run, unless a person asks for exactly that.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import dropwhile, groupby, islice, takewhile

from stagewright.errors import NotFoundError, ReleaseError
from stagewright.gateway import Gateway
from stagewright.naming import timestamp
from stagewright.runs.releases import manifest as manifests
from stagewright.runs.releases.manifest import Manifest

WINDOW = 24 * 3600
"""Age in seconds of the oldest push that can be lost. No delivery takes longer, retries included."""


@dataclass(frozen=True)
class Push:
    """One version of a pipeline's manifest.

    `written` is epoch seconds: a whole second, and the push's place in it as milliseconds.
    """

    pipeline: str
    version: str
    written: float

    @property
    def key(self) -> str:
        return manifests.code_key(self.pipeline, self.version)

    @property
    def time(self) -> str:
        return timestamp(datetime.fromtimestamp(self.written, UTC))


def newest_first(gateway: Gateway, pipeline: str) -> Iterator[Push]:
    """Yield the pushes of a pipeline. Calls ListObjectVersions."""
    listed = gateway.objects.versions(manifests.key_of(pipeline))
    for second, group in groupby(listed, key=lambda version: int(version.modified)):
        versions = list(group)
        for newer, version in enumerate(versions):
            yield Push(pipeline, version.version, second + (len(versions) - 1 - newer) / 1000)


def lost(gateway: Gateway, pipeline: str, *, before: float) -> list[Push]:
    """Return the pushes written up to `before` (epoch seconds) that requested a run and are lost, oldest
    first."""
    late = dropwhile(lambda push: push.written > before, newest_first(gateway, pipeline))
    return _requesting(gateway, takewhile(partial(_is_lost, gateway), late))


def with_lost(gateway: Gateway, pipeline: str, version: str) -> list[Push]:
    """Return this push, and before it the lost ones that requested a run, oldest first.

    Empty if there is no such version. Lists the pushes once.
    """
    listed = dropwhile(lambda push: push.version != version, newest_first(gateway, pipeline))
    this = list(islice(listed, 1))
    return _requesting(gateway, takewhile(partial(_is_lost, gateway), listed)) + this


def overtaken_by(gateway: Gateway, pipeline: str, version: str) -> str | None:
    """Return the run of a newer push that has left the queue, None if there is none.

    Empty: the newer push was claimed without a run. A newer push that still waits does not count, because the
    older one comes first in the queue. Only lists the pushes if this is not the newest one.
    """
    if gateway.objects.version_of(manifests.key_of(pipeline)) == version:
        return None
    for push in takewhile(lambda push: push.version != version, newest_first(gateway, pipeline)):
        run = gateway.runs.claimed(push.key)
        header = gateway.runs.header(run) if run else None
        if run is not None and not (header and header.status == "QUEUED"):
            return run
    return None


def find_release(gateway: Gateway, pipeline: str, digest: str) -> Manifest:
    """Return the newest manifest of the release whose digest begins with these digits.

    `digest` can also be the version id of a manifest. Raises NotFoundError if there is none, or if the digits
    fit several releases.
    """
    fitting: dict[str, Manifest] = {}
    for push in newest_first(gateway, pipeline):
        with suppress(ReleaseError):
            manifest = manifests.read(gateway, pipeline, push.version)
            if manifest and push.version == digest:
                return manifest
            if manifest and manifest.release.digest.startswith(digest):
                fitting.setdefault(manifest.release.digest, manifest)
    if len(fitting) != 1:
        count = f"{len(fitting)} releases" if fitting else "no release"
        remedy = "give more of the digest" if fitting else "stagewright show RUN names a run's release"
        raise NotFoundError(f"{count} {digest} of {pipeline}", remedy)
    return next(iter(fitting.values()))


def manifest_at(gateway: Gateway, pipeline: str, at: float) -> Manifest | None:
    """Return the manifest that was current at a time (epoch seconds), None if there was none.

    Raises ReleaseError if it is not a valid manifest.
    """
    earlier = (push for push in newest_first(gateway, pipeline) if push.written <= at)
    push = next(earlier, None)
    return manifests.read(gateway, pipeline, push.version) if push else None


def _is_lost(gateway: Gateway, push: Push) -> bool:
    return push.written > time.time() - WINDOW and gateway.runs.claimed(push.key) is None


def _requesting(gateway: Gateway, pushes: Iterator[Push]) -> list[Push]:
    """The pushes whose manifests request a run, in reverse order."""
    return [push for push in pushes if _requests_run(gateway, push)][::-1]


def _requests_run(gateway: Gateway, push: Push) -> bool:
    """Whether a push is recorded as one that requests a run. Not so: it is gone, or not a valid manifest."""
    try:
        manifest = manifests.read(gateway, push.pipeline, push.version)
    except ReleaseError:
        return False
    return bool(manifest and manifest.requests_run)
