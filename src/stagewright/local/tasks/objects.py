"""Step Functions' task that reads an object: `aws-sdk:s3:getObject`."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import Any
from xml.etree import ElementTree

from stagewright.local.emulator.engine import Task, TaskError
from stagewright.local.emulator.server import Ministack
from stagewright.local.tasks.answers import iso, within_limit

GET_OBJECT = "arn:aws:states:::aws-sdk:s3:getObject"


def get_object(ministack: Ministack, task: Task) -> dict[str, Any]:
    """The body as text, as Step Functions returns it.

    A range may end inside a character, so what is not UTF-8 is replaced: whoever reads the text judges it.
    """
    request = task.arguments
    status, headers, body = ministack.get_object(
        request["Bucket"], request["Key"], request.get("VersionId", ""), request.get("Range", "")
    )
    if status not in (200, 206):
        raise _s3_error(status, body)
    given = {name.lower(): value for name, value in headers.items()}
    answer = {
        "Body": body.decode(errors="replace"),
        "ContentLength": len(body),
        "ContentType": given.get("content-type"),
        "ETag": given.get("etag"),
        "LastModified": iso(parsedate_to_datetime(given["last-modified"]))
        if "last-modified" in given
        else None,
        "Metadata": {
            k.removeprefix("x-amz-meta-"): v for k, v in given.items() if k.startswith("x-amz-meta-")
        },
        "VersionId": given.get("x-amz-version-id"),
    }
    return within_limit({name: value for name, value in answer.items() if value is not None})


def _s3_error(status: int, body: bytes) -> TaskError:
    try:
        root = ElementTree.fromstring(body)  # noqa: S314 -- ministack's own answer
    except ElementTree.ParseError:
        return TaskError("S3.S3Exception", f"Service: S3, Status Code: {status}")
    code = root.findtext("Code") or "S3Exception"
    name = code if code.endswith("Exception") else f"{code}Exception"
    return TaskError(f"S3.{name}", f"{root.findtext('Message')} (Service: S3, Status Code: {status})")
