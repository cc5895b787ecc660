"""Step Functions' tasks of Glue, as its optimized integration does them.

"Start an AWS Glue job with Step Functions" (developer guide): `.sync` is available; without it the answer
has JobName beside JobRunId. With `.sync` the result is the JobRun structure itself (CDK, GlueStartJobRun; so
do recorded executions), times in epoch milliseconds; a run that did not succeed fails the task with
States.TaskFailed and that structure as the cause. Errors have the names that the service model gives them,
after `Glue.`; others are `Glue.AWSGlueException`.
"""

from __future__ import annotations

import contextlib
import json
import time
import uuid
from typing import Any

from stagewright.local.engine import ExecutionStoppedError, Task, TaskError
from stagewright.local.glue.protocol import Service, operation_model
from stagewright.local.glue.run import SUCCEEDED
from stagewright.local.integration import FALLBACK_SECONDS, Changes, milliseconds, plain, within_limit
from stagewright.local.sagemaker.api.protocol import ApiError
from stagewright.plan import integration as allowed

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
        return within_limit(self._wait(task, names) if pattern else names)

    def _wait(self, task: Task, names: dict[str, str]) -> dict[str, Any]:
        deadline = time.monotonic() + task.timeout if task.timeout is not None else None
        asked = {"JobName": names["JobName"], "RunId": names["JobRunId"]}
        while True:
            seen = self._changes.count
            found: dict[str, Any] = plain(self._call("GetJobRun", asked)["JobRun"], milliseconds)
            if found["JobRunState"] == SUCCEEDED:
                return found
            if found["JobRunState"] not in UNFINISHED:
                raise TaskError("States.TaskFailed", json.dumps(found))
            self._give_up(task, names, deadline)
            self._changes.wait(seen, FALLBACK_SECONDS)

    def _give_up(self, task: Task, names: dict[str, str], deadline: float | None) -> None:
        late = deadline is not None and time.monotonic() >= deadline
        if not (task.stopped or late):
            return
        with contextlib.suppress(ApiError):
            stop = {"JobName": names["JobName"], "JobRunIds": [names["JobRunId"]]}
            self._service.call("BatchStopJobRun", stop)
        if task.stopped:
            raise ExecutionStoppedError("the execution was stopped while its job run went on")
        raise TaskError("States.Timeout", "")

    def _call(self, operation: str, request: Any) -> dict[str, Any]:
        try:
            return self._service.call(operation, request)
        except ApiError as error:
            raise _failure(operation, error) from error


def _checked(task: Task) -> str:
    """`sync` or nothing. TaskError for what Step Functions refuses before it calls Glue."""
    action, _, pattern = task.resource.removeprefix(PREFIX).partition(".")
    if action != "startJobRun" or pattern not in ("", "sync"):
        raise TaskError("States.Runtime", f"The resource provided {task.resource} is not recognized.")
    for problem in allowed.check(START, task.arguments):
        field = problem.path.rpartition(".")[2]
        cause = f'[The field "{field}" is not supported by Step Functions]'
        raise TaskError("States.Runtime", f"The Parameters could not be used to start the Task: {cause}")
    return pattern


def _failure(operation: str, error: ApiError) -> TaskError:
    modelled = [shape.name for shape in operation_model(operation).error_shapes]
    name = error.code if error.code in modelled else "AWSGlueException"
    where = f"Service: AWSGlue; Status Code: {error.status}; Error Code: {error.code}"
    return TaskError(f"Glue.{name}", f"{error.message} ({where}; Request ID: {uuid.uuid4()})")
