"""Runs one Step Functions task in its own state machine on a local server."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.support.waiting import until

ROLE = "arn:aws:iam::000000000000:role/stagewright-local-sagemaker"


class Tasks:
    """The tasks of one resource. `connect` creates boto3 clients."""

    def __init__(self, connect: Callable[[str], Any], resource: str) -> None:
        self.s3, self.sagemaker = connect("s3"), connect("sagemaker")
        self._states = connect("stepfunctions")
        self._resource = resource

    def start(self, name: str, arguments: dict[str, Any], pattern: str = ".sync") -> str:
        """Start an execution and return its ARN."""
        resource = f"arn:aws:states:::sagemaker:{self._resource}{pattern}"
        task = {"Type": "Task", "Resource": resource, "Arguments": arguments, "End": True}
        definition = {"QueryLanguage": "JSONata", "StartAt": "Do", "States": {"Do": task}}
        machine = self._states.create_state_machine(
            name=name, definition=json.dumps(definition), roleArn=ROLE
        )["stateMachineArn"]
        return str(self._states.start_execution(stateMachineArn=machine)["executionArn"])

    def result(self, execution: str) -> dict[str, Any]:
        """Its description, once it has ended."""
        until(lambda: self._describe(execution)["status"] != "RUNNING")
        return self._describe(execution)

    def stop(self, execution: str) -> None:
        self._states.stop_execution(executionArn=execution, error="Test", cause="stopped by hand")

    def _describe(self, execution: str) -> dict[str, Any]:
        found: dict[str, Any] = self._states.describe_execution(executionArn=execution)
        return found
