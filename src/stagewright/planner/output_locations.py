"""Outputs at locations that no role of the installation may write to.

A job uploads its outputs when it ends. Without this check, it would fail then, after its whole paid time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from stagewright.errors import Problem
from stagewright.naming import OWN_FOLDERS, Installation
from stagewright.planner.fingerprint import document_field

SETTING = "output_locations"
PAGE = "docs/terraform.md, Output locations"


def problems(
    writes: Mapping[str, str],
    writable: Collection[str],
    installation: Installation,
    others: Collection[str],
) -> Iterator[Problem]:
    """Yield a problem for each location of `writes` (path of a field -> S3 URI) that is not writable.

    `writable`: key prefixes of the installation's bucket. `others`: S3 URIs of other folders. A location that
    only the run knows is an output of another stage, which is checked there.
    """
    folders = (*map(installation.uri, writable), *(f"{uri.rstrip('/')}/" for uri in others))
    for path, uri in writes.items():
        if not _is_in(uri, folders):
            message = f"the roles of {installation.id} may not write to {uri}"
            yield Problem(document_field(path), message, _remedy(uri, installation))


def _is_in(uri: str, folders: tuple[str, ...]) -> bool:
    return uri.startswith("<<") or f"{uri.rstrip('/')}/".startswith(folders)


def _remedy(uri: str, installation: Installation) -> str:
    remedy = "leave it out, and the stage writes to a folder of its own"
    folder = _folder(uri)
    if folder in (installation.uri(""), *map(installation.uri, OWN_FOLDERS)):
        return remedy
    return f"{remedy}, or add {folder} to {SETTING} ({PAGE})"


def _folder(uri: str) -> str:
    """Return the location's first folder, or its bucket if it is in none."""
    bucket, *folders = uri.removeprefix("s3://").rstrip("/").split("/")
    return "s3://" + "/".join((bucket, *folders[:1])) + "/"
