"""Messages as the queue delivers them, and the environment of a Lambda function."""

from __future__ import annotations

import json

import pytest

from stagewright.aws.queue import Message
from stagewright.document.canonical_json import sha256_of
from stagewright.functions import environment
from stagewright.operator_gateway import OperatorGateway
from stagewright.runs import closing, reconcile
from stagewright.runs.lifecycle import accept, advance
from stagewright.runs.reconciling.sweep import Repair
from stagewright.runs.triggers.subscriptions import Subscriptions
from stagewright.runs.values import StartedRun

TIME = "2026-01-31T14:00:00Z"


def message(body: str, origin: str = "") -> Message:
    """A message of the queue `events`. Without an origin, equal bodies are deliveries of one message."""
    return Message("m", body, sent=0, receives=1, origin=origin or sha256_of(body), receipt="")


def accept_all(gateway: OperatorGateway, body: str, origin: str = "") -> tuple[StartedRun, ...]:
    """The runs of one message, as the router accepts it."""
    return accept(environment.runtime_of(gateway), message(body, origin), Subscriptions(gateway))


def route(gateway: OperatorGateway, body: str) -> StartedRun | None:
    """The last run of one message; None: it starts none."""
    return next(reversed(accept_all(gateway, body)), None)


def sweep(gateway: OperatorGateway, patience: float = reconcile.PATIENCE) -> list[Repair]:
    """The repairs of one sweep."""
    return reconcile.reconcile(environment.runtime_of(gateway), patience)


def record_end(gateway: OperatorGateway, arn: str) -> str | None:
    """Close the run of an execution, as the recorder does."""
    return closing.record_end(environment.runtime_of(gateway), arn)


@pytest.fixture
def created(gateway):
    """`created(version)`: S3's event as EventBridge writes it (S3 User Guide, "Using EventBridge")."""

    def event(version: str, key: str = "manifests/prices.json", **more) -> str:
        detail = {
            "version": "0",
            "bucket": {"name": gateway.installation.bucket},
            "object": {"key": key, "size": 5, "etag": "e", "version-id": version, "sequencer": "00"},
            "request-id": "N4N7GDK58NMKJ12R",
            "requester": "000000000000",
            "source-ip-address": "1.2.3.4",
            "reason": "PutObject",
        }
        return body("aws.s3", "Object Created", detail, **more)

    return event


@pytest.fixture
def requested():
    def event(**detail) -> str:
        return body(
            "stagewright", "Run Requested", {"pipeline": "prices", "request": "1", "by": "ada"} | detail
        )

    return event


def body(source: str, kind: str, detail: dict, time: str = TIME) -> str:
    event = {
        "version": "0",
        "id": "i",
        "source": source,
        "detail-type": kind,
        "time": time,
        "region": "us-east-1",
    }
    return json.dumps(event | {"account": "000000000000", "resources": [], "detail": detail})


class Context:
    """The part of Lambda's context that the functions read."""

    invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:stagewright-test-router"
    aws_request_id = "request"


@pytest.fixture
def context():
    return Context()


@pytest.fixture
def function(gateway, monkeypatch):
    """Set the environment variables of a function. Its gateway is the test's."""
    place = gateway.installation
    names = {"BUCKET": place.bucket, "PREFIX": place.prefix, "ENVIRONMENT": place.environment}
    for name, value in names.items():
        monkeypatch.setenv(f"STAGEWRIGHT_{name}", value)
    monkeypatch.setattr(environment, "gateway", lambda asked: gateway if asked == place else None)
    return gateway


@pytest.fixture
def all_end(gateway):
    """End every run, one after another, as the recorder and the router would."""

    def end() -> None:
        while headers := gateway.runs.open_runs(1_000):
            for header in headers:
                if header.status == "QUEUED":
                    advance(environment.runtime_of(gateway), header.run)
                elif gateway.executions.describe(header.execution).status != "RUNNING":
                    record_end(gateway, header.execution)

    return end
