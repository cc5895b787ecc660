"""Parse messages of the queue `events` into events.

A message body is an event as EventBridge writes it, or a run request (`run_requests.direct`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from stagewright.aws.queue import ANY_RELEASE, Message
from stagewright.naming import OWN_FOLDERS, Installation, timestamp
from stagewright.runs.intake import run_requests
from stagewright.runs.intake.run_requests import MalformedError, RunRequest
from stagewright.runs.own_events import (
    BATCH_CHECK_DUE,
    PACKAGE_CHANGED,
    RUN_READY,
    RUN_REQUESTED,
    TRIGGER_FIRED,
)
from stagewright.runs.releases import manifest as manifests

OBJECT_CREATED = "Object Created"


@dataclass(frozen=True)
class ObjectCreated:
    """A new object outside our own folders. It may be data of any pipeline."""

    key: str
    version: str
    time: str


@dataclass(frozen=True)
class PackageChanged:
    """A model package was approved or rejected, or another field of such a package changed."""

    package: str
    group: str
    status: str
    time: str


@dataclass(frozen=True)
class BatchCheckDue:
    """The window of a data batch may be over. `item`: key of the batch."""

    item: str


@dataclass(frozen=True)
class ClockTicked:
    """A minute has begun."""

    time: str


@dataclass(frozen=True)
class RunReady:
    """A run that waits may be able to advance."""

    run: str


Event = RunRequest | ObjectCreated | PackageChanged | BatchCheckDue | ClockTicked | RunReady


def parse(message: Message, installation: Installation) -> tuple[Event, ...]:
    """The events of a message. Empty: it is meant for another installation.

    A request that has no id or time takes the message's. MalformedError: not JSON, or an unknown event.
    """
    try:
        body = json.loads(message.body)
        is_bus_event = "detail-type" in body
        events = _bus_events(body, installation) if is_bus_event else _direct(message, body, installation)
        any_release = is_bus_event and ANY_RELEASE in message.attributes
        return tuple(_received(event, message.sender, any_release) for event in events)
    except MalformedError:
        raise
    except json.JSONDecodeError as error:
        raise MalformedError(f"it is not JSON: {error}") from error
    except KeyError as error:
        raise MalformedError(f"it has no {error}") from error
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise MalformedError(f"{type(error).__name__}: {error}") from error


def _direct(message: Message, body: Any, installation: Installation) -> Iterable[Event]:
    """The events of a message that was sent to the queue itself, not by EventBridge."""
    sent = datetime.fromtimestamp(message.sent, UTC) if message.sent else datetime.now(UTC)
    return run_requests.direct(body, installation, message.origin, timestamp(sent))


def _received(event: Event, sender: str, any_release: bool) -> Event:
    """Add to a request what only its message knows."""
    return replace(event, sender=sender, any_release=any_release) if isinstance(event, RunRequest) else event


def _bus_events(event: Mapping[str, Any], installation: Installation) -> tuple[Event, ...]:
    """The events of EventBridge. A request of another account shows the account before who requests it."""
    time = timestamp(datetime.fromisoformat(event["time"]))
    source, kind, detail = event["source"], event["detail-type"], event["detail"]
    if source == "stagewright" and detail.get("installation") not in (None, "", installation.id):
        return ()
    account = event.get("account") or installation.account
    if source == "stagewright" and account != installation.account:
        detail = {**detail, "by": f"{account}/{detail.get('by', '')}"}
    return (_event(source, kind, detail, time, installation),)


def _event(source: str, kind: str, detail: Any, time: str, installation: Installation) -> Event:
    match source, kind:
        case "aws.s3", "Object Created":
            return _object_created(detail, time, installation)
        case "aws.sagemaker", kind if kind == PACKAGE_CHANGED:
            return _package_changed(detail, time)
        case "aws.events", "Scheduled Event":
            return ClockTicked(time)
        case "stagewright", kind if kind == RUN_REQUESTED:
            return run_requests.requested(detail, time)
        case "stagewright", kind if kind == TRIGGER_FIRED:
            return run_requests.fired(detail, time)
        case "stagewright", kind if kind == BATCH_CHECK_DUE:
            return BatchCheckDue(str(detail["batch"]))
        case "stagewright", kind if kind == RUN_READY:
            return RunReady(str(detail["run"]))
    raise MalformedError(f"unknown event: {source}, {kind}")


def release_event(installation: Installation, pipeline: str, version: str, time: str) -> dict[str, Any]:
    """The event of a manifest, with the fields that `parse` reads. The sweeper sends it for a lost one."""
    obj = {"key": manifests.key_of(pipeline), "version-id": version}
    return {
        "version": "0",
        "source": "aws.s3",
        "detail-type": OBJECT_CREATED,
        "time": time,
        "detail": {"bucket": {"name": installation.bucket}, "object": obj, "reason": "sweep"},
    }


def _object_created(detail: Any, time: str, installation: Installation) -> Event:
    bucket, key = detail["bucket"]["name"], detail["object"]["key"]
    version = detail["object"].get("version-id", "")
    if bucket != installation.bucket:
        raise MalformedError(f"s3://{bucket}/{key} is in another bucket")
    pipeline = manifests.pipeline_of(key)
    if pipeline is None and key.startswith(OWN_FOLDERS):
        raise MalformedError(f"s3://{bucket}/{key} is not a manifest")
    if not version:
        raise MalformedError(f"{key} has no version id: the bucket must be versioned")
    if pipeline is None:
        return ObjectCreated(key, version, time)
    return run_requests.of_push(pipeline, version, time)


def _package_changed(detail: Any, time: str) -> PackageChanged:
    return PackageChanged(
        str(detail["ModelPackageArn"]),
        str(detail.get("ModelPackageGroupName", "")),
        str(detail.get("ModelApprovalStatus", "")),
        time,
    )
