"""The smoke test of an endpoint.

The Lambda function `smoke-test` runs it for a deployment, and the command `rollback-endpoint` for a rollback.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from stagewright.errors import NotFoundError, TargetError
from stagewright.gateway import Gateway

FILE_LIMIT = 6_291_456
"""Bytes of the file that is sent (InvokeEndpoint: `BodyBlob` of botocore's service model)."""
ANSWER_LIMIT = 200
"""Characters of a response in a message."""
MESSAGE_LIMIT = 250
"""Characters of an error."""


def failure(gateway: Gateway, endpoint: str, test: Mapping[str, Any]) -> str:
    """Send the test's request. Return what is wrong with the response, "" if it passes or `test` is empty."""
    if not test:
        return ""
    try:
        body = _body(gateway, test)
        started = time.monotonic()
        answer = gateway.endpoints.invoke(endpoint, body, test["content_type"], test["accept"]).body
    except (NotFoundError, TargetError) as error:
        return error.message[:MESSAGE_LIMIT]  # a model's error ends with its traceback
    seconds = time.monotonic() - started
    text = answer.decode(errors="replace")
    if "contains" in test and test["contains"] not in text:
        return f"the response {text[:ANSWER_LIMIT]} does not contain {test['contains']}"
    if seconds > test.get("max_latency", seconds):
        return f"the response took {seconds:.3f} seconds, more than {test['max_latency']}"
    return ""


def _body(gateway: Gateway, test: Mapping[str, Any]) -> bytes:
    if "body" in test:
        return str(test["body"]).encode()
    bucket, _, key = test["file"].removeprefix("s3://").partition("/")
    body = gateway.objects.get(key, bucket=bucket, most=FILE_LIMIT + 1).body
    if len(body) > FILE_LIMIT:
        raise TargetError(f"the file {test['file']} is larger than 6 MiB", "use a smaller file")
    return body
