"""Step Functions tasks that need more than ministack's engine: SageMaker, its runtime, and S3 GetObject.

How the real integrations behave, and where that is written:

- optimized (`sagemaker:createTrainingJob[.sync]`): only listed parameters are accepted, others end in
  States.Runtime, which no Catch sees (AWS: "Create and manage Amazon SageMaker AI jobs with Step
  Functions"). `.sync` waits; its result is the describe call's answer; a job that did not complete fails
  the task with States.TaskFailed and that answer as the cause; a stopped execution or a timeout stops the
  job (AWS: "Run a Job (.sync)").
- error names are those of AWS's Java SDK 1: `SageMaker.ResourceInUseException` where SageMaker's model has
  the error, otherwise `SageMaker.AmazonSageMakerException`.
- `aws-sdk:sagemaker:*` uses the Java SDK 2: times are ISO 8601, other errors are
  `SageMaker.SageMakerException`.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from xml.etree import ElementTree

from stagewright.local.engine import ExecutionStoppedError, Task, TaskError
from stagewright.local.ministack import Ministack
from stagewright.local.payload import TOO_LARGE, excess
from stagewright.local.sagemaker.api.protocol import ApiError, Service
from stagewright.local.sagemaker.model_servers.runtime import VARIANT
from stagewright.plan import integration as allowed

OPTIMIZED = "arn:aws:states:::sagemaker:"
SDK = "arn:aws:states:::aws-sdk:sagemaker:"
SDK_INVOKE = "arn:aws:states:::aws-sdk:sagemakerruntime:invokeEndpoint"
SDK_GET_OBJECT = "arn:aws:states:::aws-sdk:s3:getObject"
FALLBACK_SECONDS = 0.25
"""A change that nobody announced is noticed after this long."""
INVOKE_HEADERS = {"ContentType": "content-type", "Accept": "accept"}
MODELLED = ("ConflictException", "ResourceInUse", "ResourceLimitExceeded", "ResourceNotFound")
"""Errors in SageMaker's service model (botocore sagemaker/2017-07-24); all others are unmodelled."""
JOBS = ("ProcessingJob", "TrainingJob", "TransformJob", "HyperParameterTuningJob")


class Changes:
    """Wakes those who wait for a job whenever any job changes."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._count = 0

    @property
    def count(self) -> int:
        return self._count

    def announce(self) -> None:
        with self._condition:
            self._count += 1
            self._condition.notify_all()

    def wait(self, seen: int, seconds: float) -> None:
        """Until `count` is no longer `seen`, at most `seconds`."""
        with self._condition:
            self._condition.wait_for(lambda: self._count != seen, timeout=seconds)


class SageMakerTasks:
    """Both integrations of SageMaker over the local service."""

    def __init__(self, service: Service, changes: Changes) -> None:
        self._service = service
        self._changes = changes

    def optimized(self, task: Task) -> Any:
        action, _, pattern = task.resource.removeprefix(OPTIMIZED).partition(".")
        operation = action[:1].upper() + action[1:]
        check(task, operation, pattern)
        answer = self._call(operation, task.arguments, first_sdk_error)
        if pattern == "sync":
            answer = self._wait(task, operation.removeprefix("Create"))
        return within_limit(plain(answer, milliseconds))

    def sdk(self, task: Task) -> Any:
        action = task.resource.removeprefix(SDK)
        operation = action[:1].upper() + action[1:]
        answer = self._call(operation, task.arguments, second_sdk_error)
        return within_limit(plain(answer, iso))

    def invoke(self, task: Task) -> dict[str, Any]:
        """`aws-sdk:sagemakerruntime:invokeEndpoint`: the answer's body as text. A body of JSON's other types
        is sent as JSON."""
        request = task.arguments
        body = request["Body"] if isinstance(request["Body"], str) else json.dumps(request["Body"])
        headers = {name: request[field] for field, name in INVOKE_HEADERS.items() if field in request}
        try:
            answer = self._service.invoke(request["EndpointName"], body.encode(), headers)
        except ApiError as error:
            raise _runtime_error(error.code, error.message) from error
        if answer.status != 200:
            said = json.loads(answer.body)
            raise _runtime_error(said["ErrorCode"], said["Message"])
        return within_limit(
            {
                "Body": answer.body.decode(errors="replace"),
                "ContentType": answer.headers["content-type"],
                "InvokedProductionVariant": answer.headers[VARIANT],
            }
        )

    def _call(self, operation: str, request: Any, failure: Callable[[ApiError], TaskError]) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = self._service.call(operation, request)
        except ApiError as error:
            raise failure(error) from error
        return answer

    def _wait(self, task: Task, kind: str) -> dict[str, Any]:
        name = {f"{kind}Name": task.arguments[f"{kind}Name"]}
        deadline = time.monotonic() + task.timeout if task.timeout is not None else None
        while True:
            seen = self._changes.count
            found = self._call(f"Describe{kind}", name, first_sdk_error)
            status = found[f"{kind}Status"]
            if status == "Completed":
                return found
            if status in ("Failed", "Stopped"):
                raise TaskError("States.TaskFailed", json.dumps(plain(found, milliseconds)))
            self._give_up(task, f"Stop{kind}", name, deadline)
            self._changes.wait(seen, FALLBACK_SECONDS)

    def _give_up(self, task: Task, stop: str, name: dict[str, Any], deadline: float | None) -> None:
        late = deadline is not None and time.monotonic() >= deadline
        if not (task.stopped or late):
            return
        with contextlib.suppress(ApiError):  # it ended meanwhile: nothing is left to stop
            self._service.call(stop, name)
        if task.stopped:
            raise ExecutionStoppedError("the execution was stopped while its job ran")
        raise TaskError("States.Timeout", "")


def check(task: Task, operation: str, pattern: str) -> None:
    """TaskError for what Step Functions refuses before it calls SageMaker."""
    waits = operation.removeprefix("Create") in JOBS
    if operation not in allowed.DOCUMENTED or pattern not in ("", "sync") or (pattern and not waits):
        raise TaskError("States.Runtime", f"The resource provided {task.resource} is not recognized.")
    for problem in allowed.check(operation, task.arguments):
        field = problem.path.rpartition(".")[2]
        cause = f'[The field "{field}" is not supported by Step Functions]'
        raise TaskError("States.Runtime", f"The Parameters could not be used to start the Task: {cause}")


def get_object(ministack: Ministack, task: Task) -> dict[str, Any]:
    """`aws-sdk:s3:getObject`: the body as text, as Step Functions returns it.

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


def first_sdk_error(error: ApiError) -> TaskError:
    where = f"Service: AmazonSageMaker; Status Code: {error.status}; Error Code: {error.code}"
    detail = f"{where}; Request ID: {uuid.uuid4()}"
    return TaskError(_error_name(error.code, "AmazonSageMakerException"), f"{error.message} ({detail})")


def second_sdk_error(error: ApiError) -> TaskError:
    detail = f"Service: SageMaker, Status Code: {error.status}, Request ID: {uuid.uuid4()}"
    return TaskError(_error_name(error.code, "SageMakerException"), f"{error.message} ({detail})")


def _runtime_error(code: str, message: str) -> TaskError:
    """The Java SDK 2 names an exception class for each error of the model (sagemaker-runtime/2017-05-13)."""
    name = code if code.endswith("Exception") else f"{code}Exception"
    return TaskError(f"SageMakerRuntime.{name}", f"{message} (Service: SageMakerRuntime)")


def _error_name(code: str, otherwise: str) -> str:
    if code not in MODELLED:
        return f"SageMaker.{otherwise}"
    return f"SageMaker.{code.removesuffix('Exception')}Exception"


def milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def plain(value: Any, time_of: Callable[[datetime], Any]) -> Any:
    """JSON's types only, times as `time_of` gives them."""
    match value:
        case datetime():
            return time_of(value)
        case Mapping():
            return {key: plain(item, time_of) for key, item in value.items()}
        case list() | tuple():
            return [plain(item, time_of) for item in value]
    return value


def within_limit(result: dict[str, Any]) -> dict[str, Any]:
    """The same, unless Step Functions would refuse it for its size."""
    if cause := excess(result):
        raise TaskError(TOO_LARGE, cause)
    return result
