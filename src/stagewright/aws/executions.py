"""Executions of the state machine."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from stagewright.aws.errors import code_of, translated
from stagewright.errors import NotFoundError

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

NO_LONGER = ("TaskTimedOut", "TaskDoesNotExist")
"""What SendTaskSuccess and SendTaskFailure answer for a task that has ended (their API reference)."""


@dataclass(frozen=True)
class Execution:
    """`status`: RUNNING, SUCCEEDED, FAILED, TIMED_OUT, ABORTED, PENDING_REDRIVE. Times in epoch seconds."""

    arn: str
    status: str
    started: float
    ended: float | None
    error: str
    cause: str
    output: str = ""
    """JSON; of one that SUCCEEDED."""


@dataclass(frozen=True)
class Executions:
    client: SFNClient
    machine: str

    def arn_of(self, name: str) -> str:
        return f"{self.machine.replace(':stateMachine:', ':execution:')}:{name}"

    def start(self, name: str, document: str) -> tuple[str, bool]:
        """The execution's ARN, and whether this call started it.

        StartExecution with a name used in the last 90 days answers ExecutionAlreadyExists, or, where that
        execution still runs with the same input, repeats its ARN (API reference of StartExecution).
        """
        with translated("states", f"the execution {name}"):
            try:
                answer = self.client.start_execution(stateMachineArn=self.machine, name=name, input=document)
            except ClientError as error:
                if code_of(error) != "ExecutionAlreadyExists":
                    raise
                return self.arn_of(name), False
        return answer["executionArn"], True

    def exists(self, name: str) -> bool:
        try:
            self.describe(self.arn_of(name))
        except NotFoundError:
            return False
        return True

    def is_running(self, name: str) -> bool:
        try:
            return self.describe(self.arn_of(name)).status == "RUNNING"
        except NotFoundError:
            return False

    def stop(self, arn: str, cause: str) -> None:
        """Stopping one that has ended changes nothing (its status stays).

        What StopExecution answers for such a one its API reference does not say; of its errors only
        ValidationException could be it, and the request itself is valid.
        """
        with translated("states", f"the execution {arn}"):
            try:
                self.client.stop_execution(executionArn=arn, error="Stagewright.Stopped", cause=cause)
            except ClientError as error:
                if code_of(error) != "ValidationException":
                    raise

    def give_back(self, token: str, output: Mapping[str, str]) -> bool:
        """The task that waits with this token ends well; false where it does not wait any more."""
        return self._sent(lambda: self.client.send_task_success(taskToken=token, output=json.dumps(output)))

    def give_up(self, token: str, error: str, cause: str) -> bool:
        """The task that waits with this token fails; false where it does not wait any more."""
        return self._sent(lambda: self.client.send_task_failure(taskToken=token, error=error, cause=cause))

    def _sent(self, send: Callable[[], object]) -> bool:
        with translated("states", "the waiting task"):
            try:
                send()
            except ClientError as error:
                if code_of(error) not in NO_LONGER:
                    raise
                return False
        return True

    def describe(self, arn: str) -> Execution:
        """NotFoundError where there is none, which is so 90 days after its end as well."""
        with translated("states", f"the execution {arn}"):
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
