"""InvokeEndpoint: the request to the model server, and the response to the client."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from sagemaker_local.api.protocol import ApiError, InvokeResult
from sagemaker_local.model_servers.pool import Pool
from sagemaker_local.model_servers.serving import LostError, Reply, StartError, TimedOutError
from sagemaker_local.settings import Settings

BODY_LIMIT = 6_291_456
"""The maximum request size in bytes (BodyBlob in botocore's sagemaker-runtime model)."""
PREFIX = "x-amzn-sagemaker-"
TARGET_VARIANT = PREFIX + "target-variant"
INFERENCE_ID = PREFIX + "inference-id"
ATTRIBUTES = PREFIX + "custom-attributes"
VARIANT = "x-amzn-invoked-production-variant"
REJECTED = {
    PREFIX + "target-model": "TargetModel",
    PREFIX + "target-container-hostname": "TargetContainerHostname",
    PREFIX + "enable-explanations": "EnableExplanations",
    PREFIX + "inference-component": "InferenceComponentName",
    PREFIX + "session-id": "SessionId",
}
"""Headers that select what responds. InferenceId and PrefixAwareId cannot change a response here."""
LOST = 502
"""The response of the container's nginx if the worker ends while it responds."""


@dataclass(frozen=True)
class Outcome:
    """The container's `status` (0 after a timeout), and the `result` for the client."""

    status: int
    result: InvokeResult


def rejected(message: str) -> ApiError:
    """The runtime's error code is ValidationError, not ValidationException (botocore, sagemaker-runtime)."""
    return ApiError("ValidationError", message)


def check(body: bytes, headers: Mapping[str, str]) -> None:
    for header, member in REJECTED.items():
        if headers.get(header):
            raise rejected(f"not supported by the local SageMaker: {member}")
    if len(body) > BODY_LIMIT:
        raise rejected(
            "1 validation error detected: Value at 'body' failed to satisfy constraint: "
            f"Member must have length less than or equal to {BODY_LIMIT}"
        )


def invoke(
    settings: Settings, endpoint: str, variant: str, pool: Pool, body: bytes, headers: Mapping[str, str]
) -> Outcome:
    """Invoke a variant. `headers` have lower-case names; only those of the API are passed on."""
    try:
        reply = pool.exchange(body, _container_headers(headers))
    except TimedOutError:
        message = "Your invocation timed out while waiting for a response from container primary."
        return _model_error(settings, endpoint, variant, 0, message)
    except LostError as error:
        return _model_error(
            settings, endpoint, variant, LOST, f"The model server ended while it responded ({error})."
        )
    except StartError as error:
        return _model_error(settings, endpoint, variant, LOST, f"The model server did not restart: {error}")
    if reply.status >= 300:
        return _model_error(settings, endpoint, variant, reply.status, reply.body.decode("utf-8", "replace"))
    return Outcome(reply.status, InvokeResult(200, reply.body, _response_headers(reply, variant)))


def _container_headers(headers: Mapping[str, str]) -> dict[str, str]:
    names = {
        "content-type": "Content-Type",
        "accept": "Accept",
        ATTRIBUTES: "X-Amzn-SageMaker-Custom-Attributes",
    }
    return {name: headers[key] for key, name in names.items() if headers.get(key)}


def _response_headers(reply: Reply, variant: str) -> dict[str, str]:
    attributes = {ATTRIBUTES: reply.headers[ATTRIBUTES]} if ATTRIBUTES in reply.headers else {}
    return {"content-type": reply.headers.get("content-type", ""), VARIANT: variant, **attributes}


def _model_error(settings: Settings, endpoint: str, variant: str, status: int, text: str) -> Outcome:
    """Status 424 with the container's status and text, in SageMaker's words."""
    side = "client" if 400 <= status < 500 else "server"
    region, group = settings.region, f"/aws/sagemaker/Endpoints/{endpoint}"
    console = f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}#logEventViewer:group={group}"
    body = {
        "ErrorCode": "ModelError",
        "Message": f'Received {side} error ({status}) from primary with message "{text}".'
        f" See {console} in account {settings.account} for more information.",
        "OriginalStatusCode": status,
        "OriginalMessage": text,
        "LogStreamArn": f"arn:aws:logs:{region}:{settings.account}:log-group:{group}",
    }
    headers = {"content-type": "application/json", "x-amzn-errortype": "ModelError", VARIANT: variant}
    return Outcome(status, InvokeResult(424, json.dumps(body).encode(), headers))
