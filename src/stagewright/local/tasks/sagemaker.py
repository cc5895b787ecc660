"""Step Functions' integrations of SageMaker and its runtime.

- Optimized (`sagemaker:createTrainingJob[.sync]`): other parameters than the documented ones end the
execution
  with States.Runtime, which no Catch matches ("Create and manage Amazon SageMaker AI jobs with Step
  Functions"). `.sync` waits, and its result is the describe response. A job that does not complete fails the
  task with States.TaskFailed and that response as the cause. A stopped execution stops the job,
  a timeout does not ("Run a Job (.sync)").
- Error names are those of AWS's Java SDK 1: `SageMaker.ResourceInUseException` for an error of SageMaker's
  model, otherwise `SageMaker.AmazonSageMakerException`.
- `aws-sdk:sagemaker:*` uses the Java SDK 2: times are ISO 8601, and errors outside the model are
  `SageMaker.SageMakerException`.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

from sagemaker_local.api.protocol import ApiError, Service
from sagemaker_local.model_servers.runtime import VARIANT
from stagewright.catalog import step_functions_fields as allowed
from stagewright.local.step_functions.errors import TASK_FAILED, StateError
from stagewright.local.step_functions.tasks import Task
from stagewright.local.tasks import answers
from stagewright.local.tasks.answers import iso, milliseconds, plain
from stagewright.local.tasks.changes import Changes

OPTIMIZED = "arn:aws:states:::sagemaker:"
SDK = "arn:aws:states:::aws-sdk:sagemaker:"
SDK_INVOKE = "arn:aws:states:::aws-sdk:sagemakerruntime:invokeEndpoint"
INVOKE_HEADERS = {"ContentType": "content-type", "Accept": "accept"}
MODELED = ("ConflictException", "ResourceInUse", "ResourceLimitExceeded", "ResourceNotFound")
"""The errors of SageMaker's service model (botocore sagemaker/2017-07-24)."""
JOBS = ("ProcessingJob", "TrainingJob", "TransformJob", "HyperParameterTuningJob")

Failure = Callable[[ApiError], StateError]


class SageMakerTasks:
    """Both integrations, with the local SageMaker as the service."""

    def __init__(self, service: Service, changes: Changes) -> None:
        self._service = service
        self._changes = changes

    def optimized(self, task: Task) -> Any:
        action, _, pattern = task.resource.removeprefix(OPTIMIZED).partition(".")
        operation = action[:1].upper() + action[1:]
        check(task, operation, pattern)
        answer = self._call(operation, task.arguments, first_sdk_error)
        if pattern == "sync":
            answer = self._ended(task, plain(answer, milliseconds), operation.removeprefix("Create"))
        return plain(answer, milliseconds)

    def sdk(self, task: Task) -> Any:
        action = task.resource.removeprefix(SDK)
        operation = action[:1].upper() + action[1:]
        answer = self._call(operation, task.arguments, second_sdk_error)
        return plain(answer, iso)

    def invoke(self, task: Task) -> dict[str, Any]:
        """Run `aws-sdk:sagemakerruntime:invokeEndpoint`. The result has the response body as text.

        Every request body is sent as compact JSON, so that a text arrives with quotes: AWS stores the Body of
        `aws-sdk:s3:putObject` like this (LocalStack's recorded answers, test_s3_put_object).
        """
        request = task.arguments
        body = json.dumps(request["Body"], separators=(",", ":"), ensure_ascii=False)
        headers = {name: request[field] for field, name in INVOKE_HEADERS.items() if field in request}
        try:
            answer = self._service.invoke(request["EndpointName"], body.encode(), headers)
        except ApiError as error:
            raise _runtime_error(error.code, error.message) from error
        if answer.status != 200:
            error_body = json.loads(answer.body)
            raise _runtime_error(error_body["ErrorCode"], error_body["Message"])
        return {
            "Body": answer.body.decode(errors="replace"),
            "ContentType": answer.headers["content-type"],
            "InvokedProductionVariant": answer.headers[VARIANT],
        }

    def _call(self, operation: str, request: Any, failure: Failure) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = self._service.call(operation, request)
        except ApiError as error:
            raise failure(error) from error
        return answer

    def _ended(self, task: Task, answer: Any, kind: str) -> dict[str, Any]:
        """Wait for the job and return its description. Raise StateError with it unless the job completed."""
        name = {f"{kind}Name": task.arguments[f"{kind}Name"]}

        def ended() -> dict[str, Any] | None:
            job = self._call(f"Describe{kind}", name, first_sdk_error)
            status = job[f"{kind}Status"]
            if status in ("Failed", "Stopped"):
                raise StateError(TASK_FAILED, json.dumps(plain(job, milliseconds)))
            return job if status == "Completed" else None

        return self._changes.until(task, answer, ended, lambda: self._service.call(f"Stop{kind}", name))


def check(task: Task, operation: str, pattern: str) -> None:
    """Raise StateError for what Step Functions rejects before it calls SageMaker."""
    waits = operation.removeprefix("Create") in JOBS
    if operation not in allowed.DOCUMENTED or pattern not in ("", "sync") or (pattern and not waits):
        raise answers.unrecognized(task)
    answers.check(operation, task.arguments)


def first_sdk_error(error: ApiError) -> StateError:
    details = f"Service: AmazonSageMaker; Status Code: {error.status}; Error Code: {error.code}"
    detail = f"{details}; Request ID: {uuid.uuid4()}"
    return StateError(_error_name(error.code, "AmazonSageMakerException"), f"{error.message} ({detail})")


def second_sdk_error(error: ApiError) -> StateError:
    detail = f"Service: SageMaker, Status Code: {error.status}, Request ID: {uuid.uuid4()}"
    return StateError(_error_name(error.code, "SageMakerException"), f"{error.message} ({detail})")


def _runtime_error(code: str, message: str) -> StateError:
    """Return an error of the runtime, named as in the Java SDK 2 (sagemaker-runtime/2017-05-13)."""
    name = code if code.endswith("Exception") else f"{code}Exception"
    return StateError(f"SageMakerRuntime.{name}", f"{message} (Service: SageMakerRuntime)")


def _error_name(code: str, unmodeled: str) -> str:
    if code not in MODELED:
        return f"SageMaker.{unmodeled}"
    return f"SageMaker.{code.removesuffix('Exception')}Exception"
