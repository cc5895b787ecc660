"""Translate botocore's errors into Stagewright's. No other module does this."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from botocore.exceptions import (
    ClientError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
)
from botocore.exceptions import ConnectionError as Unconnected

from stagewright.errors import DeniedError, NotFoundError, TargetError

MISSING = frozenset(
    {
        "404",
        "AWS.SimpleQueueService.NonExistentQueue",
        "EntityNotFoundException",
        "ExecutionDoesNotExist",
        "NoSuchBucket",
        "NoSuchEntity",
        "NoSuchKey",
        "NoSuchVersion",
        "NotFound",
        "NotFoundException",
        "QueueDoesNotExist",
        "ResourceNotFound",
        "ResourceNotFoundException",
        "StateMachineDoesNotExist",
    }
)
DENIED = frozenset(
    {
        "403",
        "AccessDenied",
        "AccessDeniedException",
        "AuthorizationError",
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "SignatureDoesNotMatch",
        "UnauthorizedOperation",
        "UnrecognizedClientException",
    }
)
ABSENT = re.compile(r"could not find|not found|does not exist|cannot find", re.IGNORECASE)
"""SageMaker reports an unknown name as ValidationException with one of these phrases."""
CREDENTIALS = "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; locally: `stagewright env`"
UNREACHABLE = "see that it is up and that this machine can reach it; for the local target: `stagewright up`"

Response = TypeVar("Response")


@contextmanager
def translate_errors(service: str, resource: str) -> Iterator[None]:
    """Translate the errors of the calls in the block.

    `service` is the IAM prefix of the calls. `resource` names what they act on, for the message. Raises
    DeniedError, NotFoundError or TargetError.
    """
    try:
        yield
    except ClientError as error:
        raise _translated(error, service, resource) from error
    except (HTTPClientError, Unconnected) as error:
        raise TargetError(f"{resource}: the target does not answer: {error}", UNREACHABLE) from error
    except (NoCredentialsError, PartialCredentialsError, ProfileNotFound) as error:
        raise TargetError(f"{resource}: no usable AWS credentials: {error}", CREDENTIALS) from error
    except NoRegionError as error:
        raise TargetError(f"{resource}: no AWS region", "set AWS_REGION, or region in the target") from error


def if_exists(operation: Callable[..., Response], **request: Any) -> Response | None:
    """Make a call. Return its response, or None if the resource does not exist."""
    try:
        return operation(**request)
    except ClientError as error:
        if not is_missing(error):
            raise
        return None


def error_code(error: ClientError) -> str:
    return error.response.get("Error", {}).get("Code", "")


def is_missing(error: ClientError) -> bool:
    """Return whether the error says that the resource does not exist."""
    message = error.response.get("Error", {}).get("Message", "")
    return error_code(error) in MISSING or (
        error_code(error) == "ValidationException" and bool(ABSENT.search(message))
    )


def _translated(error: ClientError, service: str, resource: str) -> Exception:
    action = f"{service}:{error.operation_name}"
    message = error.response.get("Error", {}).get("Message", "") or str(error)
    if error_code(error) in DENIED:
        remedy = f"allow {action} on it, or use other credentials"
        return DeniedError(f"{action} on {resource} is denied: {message}", remedy)
    if is_missing(error):
        return NotFoundError(f"{resource} does not exist ({action}: {message})")
    return TargetError(f"{action} on {resource} failed: {error_code(error)}: {message}")
