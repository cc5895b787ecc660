"""Executions of the state machine in AWS Step Functions."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from stagewright.aws.errors import error_code, translate_errors
from stagewright.errors import NotFoundError

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

NO_LONGER = ("TaskTimedOut", "TaskDoesNotExist")
"""The errors of SendTaskSuccess and SendTaskFailure for a task that has ended (API reference)."""


@dataclass(frozen=True)
class Execution:
    """One execution. Times are epoch seconds.

    `status` is RUNNING, SUCCEEDED, FAILED, TIMED_OUT, ABORTED or PENDING_REDRIVE. `output` is JSON, of an
    execution that SUCCEEDED.
    """

    arn: str
    status: str
    started: float
    ended: float | None
    error: str
    cause: str
    output: str = ""


@dataclass(frozen=True)
class Executions:
    """Starts, reads and stops executions of the state machine with the ARN `machine`."""

    client: SFNClient
    machine: str

    def arn_of(self, name: str) -> str:
        return f"{self.machine.replace(':stateMachine:', ':execution:')}:{name}"

    def start(self, name: str, document: str, version: str = "") -> tuple[str, bool]:
        """Start an execution with `document` as its input. Return its ARN and whether this call started it.

        `version` is the ARN of the published version to run; empty: the newest definition. The execution's
        ARN does not contain it (developer guide, "How Step Functions associates executions with a version or
        alias"). Raises NotFoundError if the version was deleted.

        Calls StartExecution. For a name that was used in the last 90 days AWS raises
        ExecutionAlreadyExists. While that execution runs with the same input AWS returns its ARN again
        (API reference).
        """
        with translate_errors("states", f"the execution {name}"):
            try:
                answer = self.client.start_execution(
                    stateMachineArn=version or self.machine, name=name, input=document
                )
            except ClientError as error:
                if error_code(error) != "ExecutionAlreadyExists":
                    raise
                return self.arn_of(name), False
        return answer["executionArn"], True

    def exists(self, name: str) -> bool:
        """Return whether there is an execution of this name. Calls DescribeExecution."""
        try:
            self.describe(self.arn_of(name))
        except NotFoundError:
            return False
        return True

    def is_running(self, name: str) -> bool:
        """Return whether an execution of this name is RUNNING. Calls DescribeExecution."""
        try:
            return self.describe(self.arn_of(name)).status == "RUNNING"
        except NotFoundError:
            return False

    def stop(self, arn: str, cause: str) -> None:
        """Stop an execution. Does nothing if it has ended. Calls StopExecution.

        The API reference does not say what StopExecution returns for an ended execution. Of its errors only
        ValidationException is possible, because the request itself is valid.
        """
        with translate_errors("states", f"the execution {arn}"):
            try:
                self.client.stop_execution(executionArn=arn, error="Stagewright.Stopped", cause=cause)
            except ClientError as error:
                if error_code(error) != "ValidationException":
                    raise

    def complete_task(self, token: str, output: Mapping[str, str]) -> bool:
        """End the task that waits with this token. Return False if it waits no longer.

        Calls SendTaskSuccess.
        """
        return self._send(lambda: self.client.send_task_success(taskToken=token, output=json.dumps(output)))

    def fail_task(self, token: str, error: str, cause: str) -> bool:
        """Fail the task that waits with this token. Return False if it waits no longer.

        Calls SendTaskFailure.
        """
        return self._send(lambda: self.client.send_task_failure(taskToken=token, error=error, cause=cause))

    def _send(self, send: Callable[[], object]) -> bool:
        with translate_errors("states", "the waiting task"):
            try:
                send()
            except ClientError as error:
                if error_code(error) not in NO_LONGER:
                    raise
                return False
        return True

    def describe(self, arn: str) -> Execution:
        """Return an execution. Calls DescribeExecution.

        Raises NotFoundError if there is none. AWS deletes executions 90 days after their end.
        """
        with translate_errors("states", f"the execution {arn}"):
            answer = self.client.describe_execution(executionArn=arn)
        ended = answer.get("stopDate")
        return Execution(
            arn,
            answer["status"],
            answer["startDate"].timestamp(),
            ended.timestamp() if ended else None,
            answer.get("error", ""),
            answer.get("cause", ""),
            answer.get("output", ""),
        )
