"""Step Functions' integration `aws-sdk:s3:getObject`."""

from __future__ import annotations

import uuid
from email.utils import parsedate_to_datetime
from typing import Any
from xml.etree import ElementTree

from stagewright.local.emulator.server import Ministack
from stagewright.local.step_functions.errors import StateError
from stagewright.local.step_functions.tasks import Task
from stagewright.local.tasks.answers import iso

MODELED = ("InvalidObjectState", "NoSuchBucket", "NoSuchKey")
"""GetObject's errors with a class in the Java SDK 2. All others are `S3.S3Exception`."""
GET_OBJECT = "arn:aws:states:::aws-sdk:s3:getObject"


def get_object(ministack: Ministack, task: Task) -> dict[str, Any]:
    """Return the object with its body as text, as Step Functions does.

    A range can end inside a character, so bytes that are not UTF-8 are replaced.
    """
    request = task.arguments
    status, headers, body = ministack.get_object(
        request["Bucket"], request["Key"], request.get("VersionId", ""), request.get("Range", "")
    )
    if status not in (200, 206):
        raise _s3_error(status, body)
    fields = {name.lower(): value for name, value in headers.items()}
    answer = {
        "Body": body.decode(errors="replace"),
        "ContentLength": len(body),
        "ContentType": fields.get("content-type"),
        "ETag": fields.get("etag"),
        "LastModified": iso(parsedate_to_datetime(fields["last-modified"]))
        if "last-modified" in fields
        else None,
        "Metadata": {
            k.removeprefix("x-amz-meta-"): v for k, v in fields.items() if k.startswith("x-amz-meta-")
        },
        "VersionId": fields.get("x-amz-version-id"),
    }
    return {name: value for name, value in answer.items() if value is not None}


def _s3_error(status: int, body: bytes) -> StateError:
    try:
        root = ElementTree.fromstring(body)  # noqa: S314 -- ministack's response
    except ElementTree.ParseError:
        return StateError("S3.S3Exception", f"Service: S3, Status Code: {status}")
    name = f"{code}Exception" if (code := root.findtext("Code")) in MODELED else "S3Exception"
    details = f"Service: S3, Status Code: {status}, Request ID: {uuid.uuid4()}"
    return StateError(f"S3.{name}", f"{root.findtext('Message')} ({details})")
