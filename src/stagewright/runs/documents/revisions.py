"""Revisions: each new effective document, numbered, for ever."""

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
"""Routers that may take a number at the same moment before we give up."""


@dataclass(frozen=True)
class Entry:
    """One line of a history: a revision, and what it changed of the one before."""

    number: int
    written: str
    author: str
    changes: tuple[Change, ...]


def record(gateway: Gateway, effective: Effective, by: str = "") -> int:
    """The revision's number: the newest one's where the document is the same as that, otherwise the next.

    `by`: whoever pushed, where the layers do not say. The base document of a new one is kept in the bucket,
    so that a revision's release can be promoted however often the document has changed since.
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
    """The number that `record` would give it now."""
    newest = gateway.documents.newest_revision(effective.pipeline.name)
    if newest is None:
        return 1
    sha256 = sha256_of(document_json(effective.pipeline))
    return newest.number if newest.sha256 == sha256 else newest.number + 1


def document_key(pipeline: str, sha256: str) -> str:
    """Where a base document that a revision was made of is kept."""
    return f"releases/{pipeline}/documents/{sha256}.json"


def document(gateway: Gateway, pipeline: str, number: int) -> Mapping[str, Any]:
    """NotFoundError where there is no such revision."""
    revision = gateway.documents.revision(pipeline, number)
    if revision is None:
        raise NotFoundError(f"{pipeline} has no revision {number}", f"stagewright history {pipeline}")
    return _document(revision)


def history(gateway: Gateway, pipeline: str, limit: int) -> list[Entry]:
    """Newest first. The changes of the very first revision are none: it was made from nothing."""
    found = gateway.documents.revisions(pipeline, limit + 1)
    made = [
        Entry(new.number, new.written, new.author, tuple(differences(_document(old), _document(new))))
        for new, old in pairwise(found)
    ]
    if found and len(found) <= limit:
        first = found[-1]
        made.append(Entry(first.number, first.written, first.author, ()))
    return made


def _document(revision: Revision) -> Mapping[str, Any]:
    made: Mapping[str, Any] = json.loads(revision.document)
    return made
