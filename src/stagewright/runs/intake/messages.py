"""What the queue brings: events as EventBridge writes them into an SQS message's body, and requests in bodies
of their own (see `requested`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from stagewright.document.triggers import CodeTrigger
from stagewright.naming import OWN_FOLDERS, Installation, timestamp
from stagewright.planner.model import Trigger
from stagewright.runs import own_events
from stagewright.runs.intake import run_requests
from stagewright.runs.intake.run_requests import MalformedError, Request
from stagewright.runs.own_events import DATA_SETTLING, RUN_REQUESTED, TRIGGER_FIRED, TURN_CAME
from stagewright.runs.releases import manifest as manifests

OBJECT_CREATED = "Object Created"


@dataclass(frozen=True)
class Arrived:
    """An object that may be the data of any pipeline."""

    key: str
    version: str
    time: str


@dataclass(frozen=True)
class Decided:
    """A model package's approval was decided on, or something else of a decided package changed."""

    package: str
    group: str
    status: str
    time: str


@dataclass(frozen=True)
class Settling:
    """It is time to look whether a batch of data has settled."""

    item: str


@dataclass(frozen=True)
class Ticked:
    """A minute has begun."""

    time: str


@dataclass(frozen=True)
class TurnCame:
    """A run that waited may have something to do now."""

    run: str


Event = Request | Arrived | Decided | Settling | Ticked | TurnCame


def parse(body: str, place: Installation, message: str = "", sent: str = "") -> tuple[Event, ...]:
    """None for another installation. MalformedError: not JSON, or nothing that we know.

    `message` and `sent` (ISO 8601): id and time of the message itself, for requests that bring none.
    """
    try:
        event = json.loads(body)
        if "detail-type" in event:
            return _of_bus(event, place)
        name = message or own_events.hash_of(body)
        return tuple(run_requests.unwrapped(event, place, name, sent or timestamp(datetime.now(UTC))))
    except MalformedError:
        raise
    except json.JSONDecodeError as error:
        raise MalformedError(f"it is not JSON: {error}") from error
    except KeyError as error:
        raise MalformedError(f"it has no {error}") from error
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise MalformedError(f"{type(error).__name__}: {error}") from error


def _of_bus(event: Mapping[str, Any], place: Installation) -> tuple[Event, ...]:
    kind, time, detail = event["detail-type"], _time(event["time"]), event["detail"]
    if event["source"] == "stagewright" and detail.get("installation") not in (None, "", place.id):
        return ()
    match event["source"], kind:
        case "aws.s3", "Object Created":
            return (_object(detail, time, place),)
        case "aws.sagemaker", "SageMaker Model Package State Change":
            return (_decision(detail, time),)
        case "aws.events", "Scheduled Event":
            return (Ticked(time),)
        case "stagewright", kind if kind == RUN_REQUESTED:
            return (run_requests.manual(detail, time),)
        case "stagewright", kind if kind == TRIGGER_FIRED:
            return (run_requests.by_trigger(detail, time),)
        case "stagewright", kind if kind == DATA_SETTLING:
            return (Settling(str(detail["batch"])),)
        case "stagewright", kind if kind == TURN_CAME:
            return (TurnCame(str(detail["run"])),)
    raise MalformedError(f"no event of ours: {event['source']}, {kind}")


def release_event(place: Installation, pipeline: str, version: str, time: str) -> dict[str, Any]:
    """As S3 sends it by EventBridge, as far as `parse` reads it; for a manifest whose event was lost."""
    obj = {"key": manifests.key_of(pipeline), "version-id": version}
    return {
        "version": "0",
        "source": "aws.s3",
        "detail-type": OBJECT_CREATED,
        "time": time,
        "detail": {"bucket": {"name": place.bucket}, "object": obj, "reason": "sweep"},
    }


def _object(detail: Any, time: str, place: Installation) -> Event:
    bucket, key = detail["bucket"]["name"], detail["object"]["key"]
    version = detail["object"].get("version-id", "")
    if bucket != place.bucket:
        raise MalformedError(f"s3://{bucket}/{key} is in another bucket")
    pipeline = manifests.pipeline_of(key)
    if pipeline is None and key.startswith(OWN_FOLDERS):
        raise MalformedError(f"s3://{bucket}/{key} is no manifest of ours")
    if not version:
        raise MalformedError(f"{key} has no version id: the bucket must be versioned")
    if pipeline is None:
        return Arrived(key, version, time)
    trigger = Trigger("code", manifests.code_key(pipeline, version), time)
    return Request(pipeline, trigger, version, listens=CodeTrigger(type="code").filter)


def _decision(detail: Any, time: str) -> Decided:
    return Decided(
        str(detail["ModelPackageArn"]),
        str(detail.get("ModelPackageGroupName", "")),
        str(detail.get("ModelApprovalStatus", "")),
        time,
    )


def _time(text: str) -> str:
    return timestamp(datetime.fromisoformat(text))
