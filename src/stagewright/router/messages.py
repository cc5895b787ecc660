"""What the queue brings: events as EventBridge writes them into an SQS message's body."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from stagewright.naming import Installation, timestamp
from stagewright.plan.model import Trigger
from stagewright.run import manifest as manifests
from stagewright.run.trigger import RUN_REQUESTED, manual_key
from stagewright.spec.model import PipelineName, Scalar

OBJECT_CREATED = "Object Created"


class MalformedError(ValueError):
    """A message that is no event of ours, however often it is delivered: the dead-letter queue takes it."""


@dataclass(frozen=True)
class Request:
    """A run that an event asks for. `version`: the manifest's, empty where the current one is meant."""

    pipeline: str
    trigger: Trigger
    version: str = ""
    force: bool = False


class _Requested(BaseModel):
    pipeline: PipelineName
    request: str = Field(min_length=1, max_length=128)
    parameters: dict[str, Scalar] = {}
    by: str = ""
    force: bool = False
    installation: str = ""


def parse(body: str, place: Installation) -> Request | None:
    """None for a request to another installation. MalformedError: not JSON, or not one of our two events."""
    try:
        event = json.loads(body)
        kind, time, detail = event["detail-type"], _time(event["time"]), event["detail"]
        match event["source"], kind:
            case "aws.s3", "Object Created":
                return _release(detail, time, place)
            case "stagewright", "Run Requested":
                return _manual(detail, time, place)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise MalformedError(f"{type(error).__name__}: {error}") from error
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


def _release(detail: Any, time: str, place: Installation) -> Request:
    bucket, key = detail["bucket"]["name"], detail["object"]["key"]
    version = detail["object"].get("version-id", "")
    pipeline = manifests.pipeline_of(key)
    if bucket != place.bucket or pipeline is None:
        raise MalformedError(f"s3://{bucket}/{key} is no manifest of ours")
    if not version:
        raise MalformedError(f"{key} has no version id: the bucket must be versioned")
    return Request(pipeline, Trigger("code", manifests.code_key(pipeline, version), time), version)


def _manual(detail: Any, time: str, place: Installation) -> Request | None:
    try:
        given = _Requested.model_validate(detail)
    except ValidationError as error:
        raise MalformedError(
            f"{RUN_REQUESTED}: {error.errors()[0]['loc']}: {error.errors()[0]['msg']}"
        ) from None
    if given.installation not in ("", place.id):
        return None
    trigger = Trigger("manual", manual_key(given.request), time, given.by, given.parameters)
    return Request(given.pipeline, trigger, force=given.force)


def _time(text: str) -> str:
    return timestamp(datetime.fromisoformat(text))
