"""Revisions: every effective document of a pipeline, numbered and immutable."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from stagewright.document.canonical_json import document_json, sha256_of
from stagewright.document.effective_diff import differences
from stagewright.document.layers import Effective, author
from stagewright.document.merge import Change
from stagewright.errors import NotFoundError, TargetError
from stagewright.gateway import Gateway
from stagewright.naming import timestamp
from stagewright.store.documents import Revision

ATTEMPTS = 10
"""Attempts to get a number that another process does not take at the same moment."""


@dataclass(frozen=True)
class Entry:
    """One revision in the history, and its changes since the previous one."""

    number: int
    written: str
    author: str
    changes: tuple[Change, ...]


def record(gateway: Gateway, effective: Effective, by: str = "") -> int:
    """Store the effective document as a revision. Return its number.

    An unchanged document keeps the number of the newest revision. `by` is the author if the layers name none.
    The base document is also stored in the bucket, so that the release of an old revision can be promoted.
    """
    name, text = effective.pipeline.name, document_json(effective.pipeline)
    sha256 = sha256_of(text)
    for _ in range(ATTEMPTS):
        newest = gateway.documents.newest_revision(name)
        if newest and newest.sha256 == sha256:
            return newest.number
        number = newest.number + 1 if newest else 1
        who = author(effective.layers, newest.layers if newest else {}, by)
        now = timestamp(datetime.now(UTC))
        base = effective.layers.base.document
        gateway.objects.put_new(document_key(name, sha256_of(base)), base.encode())
        if gateway.documents.put_revision(
            name, Revision(number, text, sha256, who, now, effective.layers.hashes)
        ):
            return number
    raise TargetError(f"no free revision number for {name} in {ATTEMPTS} attempts", "try again")


def number_of(gateway: Gateway, effective: Effective) -> int:
    """Return the number that `record` would return now."""
    newest = gateway.documents.newest_revision(effective.pipeline.name)
    if newest is None:
        return 1
    sha256 = sha256_of(document_json(effective.pipeline))
    return newest.number if newest.sha256 == sha256 else newest.number + 1


def document_key(pipeline: str, sha256: str) -> str:
    """Return the object key of a revision's base document."""
    return f"releases/{pipeline}/documents/{sha256}.json"


def document(gateway: Gateway, pipeline: str, number: int) -> Mapping[str, Any]:
    """Return the document of a revision. Raises NotFoundError if there is no such revision."""
    revision = gateway.documents.revision(pipeline, number)
    if revision is None:
        raise NotFoundError(f"{pipeline} has no revision {number}", f"stagewright history {pipeline}")
    return _document(revision)


def history(gateway: Gateway, pipeline: str, limit: int) -> list[Entry]:
    """Return the newest revisions, newest first. The first revision of a pipeline has no changes."""
    stored = gateway.documents.revisions(pipeline, limit + 1)
    entries = [
        Entry(new.number, new.written, new.author, tuple(differences(_document(old), _document(new))))
        for new, old in pairwise(stored)
    ]
    if stored and len(stored) <= limit:
        first = stored[-1]
        entries.append(Entry(first.number, first.written, first.author, ()))
    return entries


def _document(revision: Revision) -> Mapping[str, Any]:
    document: Mapping[str, Any] = json.loads(revision.document)
    return document
