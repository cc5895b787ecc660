"""Glue's API: requests, responses, pages and errors."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Mapping
from functools import cache
from typing import Any, Protocol

from botocore.model import OperationModel, ServiceModel

from sagemaker_local.api.protocol import (
    JSON_TYPE,
    ApiError,
    checked,
    json_object,
    rejection,
    to_record,
    typed,
)
from sagemaker_local.session import LOADER
from sagemaker_local.store import Record

DEFAULT_PAGE = 100


TARGET_PREFIX = "AWSGlue."

log = logging.getLogger(__name__)


class Service(Protocol):
    def call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]: ...


def invalid(message: str) -> ApiError:
    return ApiError("InvalidInputException", message)


def missing(message: str) -> ApiError:
    return ApiError("EntityNotFoundException", message)


def unsupported(feature: str) -> ApiError:
    """Return the error for a feature that could change a result and is not implemented."""
    return invalid(f"not supported by the local Glue: {feature}")


@cache
def service_model() -> ServiceModel:
    return ServiceModel(LOADER.load_service_model("glue", "service-2"), "glue")


def operation_model(operation: str) -> OperationModel:
    if operation not in service_model().operation_names:
        raise ApiError("UnknownOperationException", f"Glue has no operation {operation}", 404)
    return service_model().operation_model(operation)


def parse(operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the valid request. Raise ValidationException with every problem of an invalid one."""
    shape = operation_model(operation).input_shape
    return checked(shape, request) if shape else {}


def typed_response(operation: str, response: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of the operation's output as boto3 does, with times as aware datetimes."""
    return typed(operation_model(operation).output_shape, response)


def page(member: str, records: list[Record], request: dict[str, Any]) -> dict[str, Any]:
    """Return `{member: [records], "NextToken": ...}`. A token is the number of records on earlier pages."""
    token = request.get("NextToken", "0")
    if not token.isdecimal():
        raise invalid("The NextToken is not valid; start again without it.")
    start = int(token)
    end = start + request.get("MaxResults", DEFAULT_PAGE)
    following = {"NextToken": str(end)} if end < len(records) else {}
    return {member: records[start:end], **following}


def handle(
    service: Service, _path: str, headers: Mapping[str, str], body: bytes
) -> tuple[int, dict[str, str], bytes]:
    """Serve an HTTP request and return status, headers and body. Header names are in lower case."""
    request_id = {"x-amzn-requestid": str(uuid.uuid4())}
    operation = headers.get("x-amz-target", "").removeprefix(TARGET_PREFIX)
    try:
        answer = to_record(service.call(operation, json_object(body)))
        return 200, {"content-type": JSON_TYPE, **request_id}, json.dumps(answer).encode()
    except ApiError as error:
        return rejection(error, request_id)
    except Exception as error:
        log.exception("%s failed", operation)
        internal = ApiError("InternalServiceException", f"{type(error).__name__}: {error}", 500)
        return rejection(internal, request_id)
