"""Step Functions' integrations of Glue: the optimized one, and `aws-sdk:glue:*` (see `GlueTasks.sdk`).

"Start an AWS Glue job with Step Functions" (developer guide): without `.sync`, the result has JobName and
JobRunId. With `.sync`, the result is the JobRun structure (CDK, GlueStartJobRun; recorded executions) with
times in epoch milliseconds. A run that does not succeed fails the task with States.TaskFailed and that
structure as the cause. Errors of the service model have the prefix `Glue.`; all others are
`Glue.AWSGlueException`.
"""

from __future__ import annotations

import json
import uuid
from typing import Any

from sagemaker_local.api.protocol import ApiError
from stagewright.local.glue.protocol import Service, operation_model
from stagewright.local.glue.run import SUCCEEDED
from stagewright.local.step_functions.errors import TASK_FAILED, StateError
from stagewright.local.step_functions.tasks import Task
from stagewright.local.tasks import answers
from stagewright.local.tasks.answers import iso, milliseconds, plain
from stagewright.local.tasks.changes import Changes

PREFIX = "arn:aws:states:::glue:"
SDK = "arn:aws:states:::aws-sdk:glue:"
START = "StartJobRun"
UNFINISHED = ("STARTING", "RUNNING", "STOPPING")


class GlueTasks:
    def __init__(self, service: Service, changes: Changes) -> None:
        self._service = service
        self._changes = changes

    def run(self, task: Task) -> dict[str, Any]:
        pattern = _checked(task)
        started = self._call(START, task.arguments)
        names = {"JobName": task.arguments["JobName"], "JobRunId": started["JobRunId"]}
        if not pattern:
            return names
        return self._ended(task, names)

    def sdk(self, task: Task) -> Any:
        """Run `aws-sdk:glue:*`. Times are ISO 8601, and errors outside the model are `Glue.GlueException`."""
        action = task.resource.removeprefix(SDK)
        operation = action[:1].upper() + action[1:]
        try:
            return plain(self._service.call(operation, task.arguments), iso)
        except ApiError as error:
            detail = f"Service: Glue, Status Code: {error.status}, Request ID: {uuid.uuid4()}"
            raise StateError(
                _name(operation, error, "GlueException"), f"{error.message} ({detail})"
            ) from error

    def _ended(self, task: Task, names: dict[str, str]) -> dict[str, Any]:
        """Wait for the job run and return it. Raise StateError with it as the cause unless it succeeded."""
        request = {"JobName": names["JobName"], "RunId": names["JobRunId"]}

        def check() -> dict[str, Any] | None:
            run: dict[str, Any] = plain(self._call("GetJobRun", request)["JobRun"], milliseconds)
            if run["JobRunState"] not in (SUCCEEDED, *UNFINISHED):
                raise StateError(TASK_FAILED, json.dumps(run))
            return run if run["JobRunState"] == SUCCEEDED else None

        stop = {"JobName": names["JobName"], "JobRunIds": [names["JobRunId"]]}
        return self._changes.until(task, names, check, lambda: self._service.call("BatchStopJobRun", stop))

    def _call(self, operation: str, request: Any) -> dict[str, Any]:
        try:
            return self._service.call(operation, request)
        except ApiError as error:
            raise _failure(operation, error) from error


def _checked(task: Task) -> str:
    """Return `sync` or an empty string. Raise StateError for what Step Functions rejects itself."""
    action, _, pattern = task.resource.removeprefix(PREFIX).partition(".")
    if action != "startJobRun" or pattern not in ("", "sync"):
        raise answers.unrecognized(task)
    answers.check(START, task.arguments)
    return pattern


def _failure(operation: str, error: ApiError) -> StateError:
    details = f"Service: AWSGlue; Status Code: {error.status}; Error Code: {error.code}"
    detail = f"{details}; Request ID: {uuid.uuid4()}"
    return StateError(_name(operation, error, "AWSGlueException"), f"{error.message} ({detail})")


def _name(operation: str, error: ApiError, unmodeled: str) -> str:
    modeled = [shape.name for shape in operation_model(operation).error_shapes]
    return f"Glue.{error.code if error.code in modeled else unmodeled}"
