"""Fixtures for triggers: documents, events that arrive, and the runs that they start."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.support.messages import accept_all, route

from stagewright.aws.objects import Objects
from stagewright.document.canonical_json import sha256_of
from stagewright.document.stored_layers import Base
from stagewright.naming import timestamp
from stagewright.planner.release import Release
from stagewright.runs.releases.manifest import Manifest, key_of, to_bytes

TIME = "2026-01-31T14:00:00.000Z"


GATE = {"check": {"kind": "gate", "require": "1 >= 0"}}


@pytest.fixture
def pushed_long_ago():
    """Date every manifest a year back, so that events of any `TIME` come after its push."""
    real_get, real_versions, year = Objects.get, Objects.versions, 366 * 24 * 3600

    def get(self, *given, **more):
        stored = real_get(self, *given, **more)
        return replace(stored, modified=stored.modified - year)

    def versions(self, key):
        return (replace(version, modified=version.modified - year) for version in real_versions(self, key))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Objects, "get", get)
        patch.setattr(Objects, "versions", versions)
        yield


@pytest.fixture
def put_document(gateway, pushed_long_ago):
    """`put_document(triggers, name=..., stages=...)` stores a document without code, pushed long ago."""

    def made(*triggers, name="prices", **more):
        document = {"name": name, "stages": GATE, "triggers": list(triggers), **more}
        put_release(gateway, name, json.dumps(document))

    return made


def put_release(gateway, pipeline, text):
    """Store a document and its manifest as a push does, also if the document is invalid. No event is sent."""
    manifest = Manifest(Release(pipeline, {}, sha256_of(text)), documents={"base": text})
    gateway.objects.put(key_of(pipeline), to_bytes(manifest.to_json()))
    gateway.documents.put_layer(pipeline, "base", Base(text, sha256_of(text), TIME))


def event(source, kind, detail, time=TIME):
    return json.dumps({"source": source, "detail-type": kind, "time": time, "detail": detail})


@pytest.fixture
def arrive(gateway):
    def made(key, version="v1", time=TIME):
        detail = {
            "bucket": {"name": gateway.installation.bucket},
            "object": {"key": key, "version-id": version},
        }
        return accept_all(gateway, event("aws.s3", "Object Created", detail, time))

    return made


@pytest.fixture
def deliver(gateway):
    """`deliver()` accepts every message of the queue. Returns the runs."""

    def delivered():
        runs = []
        for message in gateway.queue.receive():
            runs += accept_all(gateway, message.body, message.id)
            gateway.queue.delete(message)
        return runs

    return delivered


def trigger_of(gateway, started):
    return gateway.runs.header(started.run).trigger


def skipped(gateway, pipeline="prices"):
    return [(event.type, event.reason) for event in gateway.trigger_state.skipped_events(pipeline, 100)]


DATA = {"type": "data", "prefix": "raw/", "suffix": "_SUCCESS"}


def ago(**time):
    return timestamp(datetime.now(UTC) - timedelta(**time))


def gateway_run(gateway, put_document, time):
    """A run asked for by hand at `time`, whatever becomes of it."""
    detail = {"pipeline": "prices", "request": "first", "by": "ada"}
    return route(gateway, event("stagewright", "Run Requested", detail, time)).run


def scheduled(gateway, put_document, last, **schedule):
    put_document({"type": "schedule", **schedule})
    gateway.trigger_state.record_tick(last)
