"""Revisions: every effective document of a pipeline, numbered and immutable."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from stagewright.document.assignments import overrides_for
from stagewright.document.canonical_json import canonical_json, document_json, sha256_of
from stagewright.document.effective_diff import differences
from stagewright.document.layers import Effective, Layers, author, effective
from stagewright.document.load import load
from stagewright.document.merge import Change, changes
from stagewright.document.stored_layers import Overrides
from stagewright.errors import DocumentError, NotFoundError, Problem, TargetError
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


def record(gateway: Gateway, current: Effective, by: str = "") -> int:
    """Store the effective document as a revision. Return its number.

    An unchanged document keeps the number of the newest revision. `by` is the author if the layers name none.
    """
    name, text = current.pipeline.name, document_json(current.pipeline)
    sha256 = sha256_of(text)
    for _ in range(ATTEMPTS):
        newest = gateway.documents.newest_revision(name)
        if newest and newest.sha256 == sha256:
            return newest.number
        number = newest.number + 1 if newest else 1
        who = author(current.layers, newest.layers if newest else {}, by)
        now = timestamp(datetime.now(UTC))
        if gateway.documents.put_revision(
            name, Revision(number, text, sha256, who, now, current.layers.hashes)
        ):
            return number
    raise TargetError(f"no free revision number for {name} in {ATTEMPTS} attempts", "try again")


def number_of(gateway: Gateway, current: Effective) -> int:
    """Return the number that `record` would return now."""
    newest = gateway.documents.newest_revision(current.pipeline.name)
    if newest is None:
        return 1
    sha256 = sha256_of(document_json(current.pipeline))
    return newest.number if newest.sha256 == sha256 else newest.number + 1


def document(gateway: Gateway, pipeline: str, number: int) -> Mapping[str, Any]:
    """Return the document of a revision. Raises NotFoundError if there is no such revision."""
    revision = gateway.documents.revision(pipeline, number)
    if revision is None:
        raise NotFoundError(f"{pipeline} has no revision {number}", f"stagewright history {pipeline}")
    return _document(revision)


def verified(gateway: Gateway, stored: Layers, number: int, code_allowed: Callable[[], bool]) -> Effective:
    """Return the document of a revision, if overrides can make it from the pushed layers of `stored`.

    A revision is an item of a table that people may edit, so it may change no more than overrides may. Raises
    NotFoundError if there is no such revision, DocumentError if it changes more.
    """
    target = document(gateway, stored.pipeline, number)
    pushed = json.loads(document_json(load(stored.document("environment"))))
    made = replace(stored, overrides=Overrides(overrides_for(pushed, changes(pushed, target))))
    problems: tuple[Problem, ...] = ()
    try:
        verified = effective(made, code_allowed)
        if document_json(verified.pipeline) == canonical_json(target):
            return verified
        problems = (Problem("", "it removes what was pushed"),)
    except DocumentError as error:
        problems = error.problems
    message = (
        f"revision {number} of {stored.pipeline} differs from its release by more than overrides may change"
    )
    raise DocumentError((Problem("", message, "begin again with the current document"), *problems))


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
