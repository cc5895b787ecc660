"""The one point where botocore's errors become ours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

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
"""SageMaker answers an unknown name with ValidationException and one of these sentences."""
CREDENTIALS = "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; locally: `stagewright env`"


@contextmanager
def translated(service: str, resource: str) -> Iterator[None]:
    """Around one call: `service` is its IAM prefix, `resource` what it is about, in the user's words."""
    try:
        yield
    except ClientError as error:
        raise _answer(error, service, resource) from error
    except (HTTPClientError, Unconnected) as error:
        remedy = (
            "see that it is up and that this machine can reach it; for the local target: `stagewright up`"
        )
        raise TargetError(f"{resource}: the target does not answer: {error}", remedy) from error
    except (NoCredentialsError, PartialCredentialsError, ProfileNotFound) as error:
        raise TargetError(f"{resource}: no usable AWS credentials: {error}", CREDENTIALS) from error
    except NoRegionError as error:
        raise TargetError(f"{resource}: no AWS region", "set AWS_REGION, or region in the target") from error


def code_of(error: ClientError) -> str:
    return error.response.get("Error", {}).get("Code", "")


def is_missing(error: ClientError) -> bool:
    message = error.response.get("Error", {}).get("Message", "")
    return code_of(error) in MISSING or (
        code_of(error) == "ValidationException" and bool(ABSENT.search(message))
    )


def _answer(error: ClientError, service: str, resource: str) -> Exception:
    action = f"{service}:{error.operation_name}"
    message = error.response.get("Error", {}).get("Message", "") or str(error)
    if code_of(error) in DENIED:
        remedy = f"allow {action} on it, or use other credentials"
        return DeniedError(f"{action} on {resource} is denied: {message}", remedy)
    if is_missing(error):
        return NotFoundError(f"{resource} does not exist ({action}: {message})")
    return TargetError(f"{action} on {resource} failed: {code_of(error)}: {message}")
