"""Step Functions' tasks of Glue, as its optimized integration does them.

"Start an AWS Glue job with Step Functions" (developer guide): `.sync` is available; without it the answer
has JobName beside JobRunId. With `.sync` the result is the JobRun structure itself (CDK, GlueStartJobRun; so
do recorded executions), times in epoch milliseconds; a run that did not succeed fails the task with
States.TaskFailed and that structure as the cause. Errors have the names that the service model gives them,
after `Glue.`; others are `Glue.AWSGlueException`.
"""

from __future__ import annotations

import json
import uuid
from typing import Any

from sagemaker_local.api.protocol import ApiError
from stagewright.local.emulator.engine import Task, TaskError
from stagewright.local.glue.protocol import Service, operation_model
from stagewright.local.glue.run import SUCCEEDED
from stagewright.local.tasks import answers
from stagewright.local.tasks.answers import milliseconds, plain, within_limit
from stagewright.local.tasks.changes import Changes

PREFIX = "arn:aws:states:::glue:"
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
        return within_limit(self._ended(task, names) if pattern else names)

    def _ended(self, task: Task, names: dict[str, str]) -> dict[str, Any]:
        """The job run once it has succeeded. TaskError with it where it ended otherwise."""
        asked = {"JobName": names["JobName"], "RunId": names["JobRunId"]}

        def look() -> dict[str, Any] | None:
            found: dict[str, Any] = plain(self._call("GetJobRun", asked)["JobRun"], milliseconds)
            if found["JobRunState"] not in (SUCCEEDED, *UNFINISHED):
                raise TaskError("States.TaskFailed", json.dumps(found))
            return found if found["JobRunState"] == SUCCEEDED else None

        stop = {"JobName": names["JobName"], "JobRunIds": [names["JobRunId"]]}
        return self._changes.until(task, look, lambda: self._service.call("BatchStopJobRun", stop))

    def _call(self, operation: str, request: Any) -> dict[str, Any]:
        try:
            return self._service.call(operation, request)
        except ApiError as error:
            raise _failure(operation, error) from error


def _checked(task: Task) -> str:
    """`sync` or nothing. TaskError for what Step Functions refuses before it calls Glue."""
    action, _, pattern = task.resource.removeprefix(PREFIX).partition(".")
    if action != "startJobRun" or pattern not in ("", "sync"):
        raise answers.unrecognized(task)
    answers.check(START, task.arguments)
    return pattern


def _failure(operation: str, error: ApiError) -> TaskError:
    modeled = [shape.name for shape in operation_model(operation).error_shapes]
    name = error.code if error.code in modeled else "AWSGlueException"
    where = f"Service: AWSGlue; Status Code: {error.status}; Error Code: {error.code}"
    return TaskError(f"Glue.{name}", f"{error.message} ({where}; Request ID: {uuid.uuid4()})")
