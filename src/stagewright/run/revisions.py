"""Revisions: each new effective document, numbered, for ever."""

from __future__ import annotations

from datetime import UTC, datetime

from stagewright.errors import TargetError
from stagewright.naming import timestamp
from stagewright.run.gateway import Gateway
from stagewright.run.gateway.documents import Revision
from stagewright.spec.canonical import document_json, sha256_of
from stagewright.spec.pipeline import Pipeline

ATTEMPTS = 10
"""Routers that may take a number at the same moment before we give up."""


def record(gateway: Gateway, pipeline: Pipeline, author: str = "") -> int:
    """The revision's number: the newest one's where the document is the same as that, otherwise the next."""
    text = document_json(pipeline)
    sha256 = sha256_of(text)
    for _ in range(ATTEMPTS):
        newest = gateway.documents.newest_revision(pipeline.name)
        if newest and newest.sha256 == sha256:
            return newest.number
        number = newest.number + 1 if newest else 1
        written = timestamp(datetime.now(UTC))
        if gateway.documents.put_revision(
            pipeline.name, Revision(number, text, sha256, author or "unknown", written)
        ):
            return number
    raise TargetError(f"no free revision number for {pipeline.name} in {ATTEMPTS} attempts", "try again")
