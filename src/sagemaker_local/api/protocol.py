"""The AWS JSON 1.1 protocol of SageMaker, driven by botocore's service model.

Requests are validated here (types, required members, enums, ranges, patterns), so resources get valid values
only. Times are `datetime` for callers, and epoch seconds in records and on the wire.
"""

from __future__ import annotations

import base64
import json
import logging
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any, Protocol

from botocore.model import OperationModel, ServiceModel, Shape

from sagemaker_local.api.constraints import violations
from sagemaker_local.session import LOADER

JSON_TYPE = "application/x-amz-json-1.1"
TARGET_PREFIX = "SageMaker."

log = logging.getLogger(__name__)


class ApiError(Exception):
    """An error response. boto3 raises it as a ClientError with this code and message."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


def invalid(message: str) -> ApiError:
    return ApiError("ValidationException", message)


def unsupported(field_path: str) -> ApiError:
    """The error for a field that could change a result and that the service does not implement."""
    return invalid(f"not supported by the local SageMaker: {field_path}")


def unsupported_operation(what: str) -> ApiError:
    message = f"not supported by the local SageMaker: {what}; docs/sagemaker.md lists what is"
    return ApiError("UnknownOperationException", message, 501)


@dataclass(frozen=True)
class InvokeResult:
    """The response of InvokeEndpoint. `headers` have lower-case names."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class Service(Protocol):
    def call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]: ...

    def invoke(self, endpoint: str, body: bytes, headers: Mapping[str, str]) -> InvokeResult: ...


@cache
def service_model() -> ServiceModel:
    """botocore's model. A session would fail to load it if AWS_PROFILE names a missing profile."""
    return ServiceModel(LOADER.load_service_model("sagemaker", "service-2"), "sagemaker")


def operation_model(operation: str) -> OperationModel:
    if operation not in service_model().operation_names:
        raise ApiError("UnknownOperationException", f"SageMaker has no operation {operation}", 404)
    return service_model().operation_model(operation)


def parse(operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """The validated request with times as epoch seconds. ValidationException lists every violation."""
    shape = operation_model(operation).input_shape
    if shape is None:
        return {}
    return checked(shape, request)


def checked(shape: Shape, request: Mapping[str, Any]) -> dict[str, Any]:
    """`parse` with the shape of any service that uses this protocol."""
    plain: dict[str, Any] = to_record(dict(request))
    errors = tuple(violations(shape, plain))
    if errors:
        plural = "s" if len(errors) > 1 else ""
        raise invalid(f"{len(errors)} validation error{plural} detected: {'; '.join(errors)}")
    return plain


def typed_response(operation: str, response: Mapping[str, Any]) -> dict[str, Any]:
    """The response with the members of the operation's output. Times are aware datetimes, as boto3 returns
    them."""
    return typed(operation_model(operation).output_shape, response)


def typed(shape: Shape | None, response: Mapping[str, Any]) -> dict[str, Any]:
    """`typed_response` with the shape of any service that uses this protocol."""
    return _convert(shape, response, lambda seconds: datetime.fromtimestamp(seconds, UTC)) if shape else {}


def to_record(value: Any) -> Any:
    """Convert to JSON types. Times become epoch seconds with milliseconds; None members are removed."""
    match value:
        case datetime():
            return round(value.timestamp(), 3)
        case bytes():
            return base64.b64encode(value).decode()
        case dict():
            return {key: to_record(item) for key, item in value.items() if item is not None}
        case list() | tuple():
            return [to_record(item) for item in value]
    return value


def _convert(shape: Shape, value: Any, time: Callable[[float], Any]) -> Any:
    match shape.type_name:
        case "structure":
            members = shape.members.items()  # type: ignore[attr-defined]
            return {k: _convert(sub, value[k], time) for k, sub in members if value.get(k) is not None}
        case "list":
            return [_convert(shape.member, item, time) for item in value]  # type: ignore[attr-defined]
        case "map":
            return {k: _convert(shape.value, item, time) for k, item in value.items()}  # type: ignore[attr-defined]
        case "timestamp":
            return time(value)
    return value


def handle(
    service: Service, path: str, headers: Mapping[str, str], body: bytes
) -> tuple[int, dict[str, str], bytes]:
    """Handle one HTTP request (header names in lower case). Returns status, headers and body."""
    request_id = {"x-amzn-requestid": str(uuid.uuid4())}
    try:
        parts = path.strip("/").split("/")
        if parts[0] == "endpoints" and parts[2:] == ["invocations"]:
            result = service.invoke(parts[1], body, headers)
            return result.status, {**result.headers, **request_id}, result.body
        response = to_record(service.call(_operation(path, headers), json_object(body)))
        return 200, {"content-type": JSON_TYPE, **request_id}, json.dumps(response).encode()
    except ApiError as error:
        return rejection(error, request_id)
    except Exception as error:
        log.exception("%s failed", path)
        problem = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        internal = ApiError("InternalFailure", f"{type(error).__name__}: {problem}", 500)
        return rejection(internal, request_id)


def _operation(path: str, headers: Mapping[str, str]) -> str:
    """The operation name. SageMaker's other APIs (runtime, metrics, feature store) use paths instead of
    targets."""
    target = headers.get("x-amz-target", "")
    if not target:
        raise unsupported_operation(path)
    return target.removeprefix(TARGET_PREFIX)


def rejection(error: ApiError, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
    body = json.dumps({"__type": error.code, "message": error.message}).encode()
    return error.status, {"content-type": JSON_TYPE, "x-amzn-errortype": error.code, **headers}, body


def json_object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise ApiError("SerializationException", f"the body is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise ApiError("SerializationException", "the body is not a JSON object")
    return value
