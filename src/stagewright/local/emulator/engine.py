"""Runs ministack's executions with the engine of local/step_functions.

ministack keeps state machines and executions and answers their API. What runs an execution, stops it and
answers its tokens is replaced. A task is performed by the handler of its resource, otherwise by ministack.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from typing import Any

from sagemaker_local.state_folder import REGION
from stagewright.local.emulator.patches import replace
from stagewright.local.step_functions import diagnostics
from stagewright.local.step_functions.calls import Calls
from stagewright.local.step_functions.clock import Clock
from stagewright.local.step_functions.errors import StateError
from stagewright.local.step_functions.execution import Execution, Outcome
from stagewright.local.step_functions.history import History
from stagewright.local.step_functions.tasks import CALLBACK, Task, TokenError, Tokens
from stagewright.local.step_functions.values import LIMIT

Handler = Callable[[Task], Any]
RUNNING, ABORTED = "RUNNING", "ABORTED"
BAD_REQUEST = 400


class StepFunctions:
    """Executions on the threads that ministack starts for them.

    `scale` shortens waits and retry intervals. `on_stop` is called after an execution was stopped.
    """

    def __init__(self, ministack: Any, scale: float, on_stop: Callable[[], None]) -> None:
        self._ministack = ministack
        self._scale = scale
        self._on_stop = on_stop
        self._handlers: dict[str, Handler] = {}
        self._tokens = Tokens()
        self._running: dict[str, tuple[Clock, History]] = {}
        self._status = threading.Lock()
        self._begin = ministack._start_execution
        replace(ministack, "_start_execution", self._start)
        replace(ministack, "_run_execution", self._run)
        replace(ministack, "_stop_execution", self._stop)
        replace(ministack, "_validate_definition_jsonata", diagnostics.rejection)
        replace(ministack, "_validate_state_machine_definition", self._validate)
        replace(ministack, "_send_task_success", self._answered(self._tokens.succeed))
        replace(ministack, "_send_task_failure", self._answered(self._tokens.fail))
        replace(ministack, "_send_task_heartbeat", self._answered(self._tokens.beat))

    def _validate(self, request: Mapping[str, Any]) -> Any:
        return self._ministack.json_response(diagnostics.answer(request))

    def register(self, prefix: str, handler: Handler) -> None:
        """Perform tasks whose resource starts with `prefix` with `handler`, on their branch's thread."""
        self._handlers[prefix] = handler

    def perform(self, task: Task) -> Any:
        """Perform a task with the handler of its resource, otherwise with ministack."""
        for prefix, handler in self._handlers.items():
            if task.resource.startswith(prefix):
                return handler(task)
        return self.forward(task)

    def forward(self, task: Task) -> Any:
        """Perform a task with ministack."""
        resource = task.resource.removesuffix(CALLBACK)
        return task.interruptible(lambda: self._invoke(resource, task.arguments))

    def _invoke(self, resource: str, arguments: Any) -> Any:
        try:
            return self._ministack._invoke_resource(resource, arguments)
        except self._ministack._ExecutionError as error:
            raise StateError(error.error, error.cause) from error

    def _start(self, request: dict[str, Any]) -> Any:
        """Answer StartExecution. The input is limited JSON; the same start again has the same answer."""
        payload = request.get("input", "{}")
        if len(payload.encode()) > LIMIT:
            length = f"Member must have length less than or equal to {LIMIT}"
            failed = f"Value at 'input' failed to satisfy constraint: {length}"
            return self._rejected("ValidationException", f"1 validation error detected: {failed}")
        try:
            json.loads(payload)
        except ValueError as error:
            reason = f"Invalid State Machine Execution Input: '{error}'"
            return self._rejected("InvalidExecutionInput", reason)
        return self._same(payload, self._begin(request))

    def _same(self, payload: str, answer: Any) -> Any:
        """Return the answer, or that of the execution which runs under the name with the same input.

        API reference, StartExecution: "idempotent for STANDARD workflows".
        """
        arn = json.loads(answer[2]).get("message", "").partition("already exists: '")[2].removesuffix("'")
        record = self._ministack._executions.get(arn) if arn else None
        if record is None or record["status"] != RUNNING or record["input"] != payload:
            return answer
        return self._ministack.json_response({"executionArn": arn, "startDate": record["startDate"]})

    def _run(self, arn: str) -> None:
        """Run an execution that ministack has started, and record its end."""
        record = self._ministack._executions.get(arn)
        machine = self._ministack._state_machines.get(record["stateMachineArn"])
        clock = Clock(self._scale)
        history = History(record["events"], clock.now, lambda: record["status"] != RUNNING)
        history.begin(machine["roleArn"], record["input"])
        self._running[arn] = clock, history
        try:
            self._end(record, history, self._outcome(record, machine, clock, history))
        finally:
            self._running.pop(arn, None)

    def _outcome(
        self, record: dict[str, Any], machine: Mapping[str, Any], clock: Clock, history: History
    ) -> Outcome | None:
        calls = Calls(lambda task: self.perform(task), self._tokens, REGION)
        definition, context = json.loads(machine["definition"]), _context(record, machine)
        execution = Execution(definition, context, calls, history, clock, lambda: record["status"] != RUNNING)
        return execution.run(context["Execution"]["Input"])

    def _end(self, record: dict[str, Any], history: History, outcome: Outcome | None) -> None:
        """Record the outcome, unless the execution was stopped."""
        with self._status:
            if outcome is None or record["status"] != RUNNING:
                return
            fields = {"output": outcome.output, "error": outcome.error, "cause": outcome.cause}
            ended = {name: value for name, value in fields.items() if value}
            record.update(ended, stopDate=self._ministack.now_iso(), status=outcome.status)
            history.end(outcome.event, outcome.previous, **outcome.details)
        self._ministack._emit_execution_status_event(record)

    def _stop(self, request: Mapping[str, Any]) -> Any:
        """Answer StopExecution. A second stop returns the answer of the first."""
        arn = request.get("executionArn", "")
        record = self._ministack._executions.get(arn)
        if record is None:
            return self._rejected("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")
        with self._status:
            was_running = record["status"] == RUNNING
            if was_running:
                reasons = {name: request[name] for name in ("error", "cause") if request.get(name)}
                record.update(reasons, stopDate=self._ministack.now_iso(), status=ABORTED)
                self._abort(arn, record, reasons)
        if was_running:
            self._ministack._emit_execution_status_event(record)
            self._on_stop()
        elif record["status"] != ABORTED:
            return self._rejected("ValidationException", "Execution is not running")
        return self._ministack.json_response({"stopDate": record["stopDate"]})

    def _abort(self, arn: str, record: Mapping[str, Any], reasons: Mapping[str, str]) -> None:
        """Add ExecutionAborted and wake what waits. Before the thread has begun, nothing does."""
        new = Clock(), History(record["events"], self._ministack.now_iso, lambda: True)
        clock, history = self._running.get(arn, new)
        history.end("ExecutionAborted", 0, **reasons)
        clock.wake()

    def _answered(self, take: Callable[[Mapping[str, Any]], None]) -> Callable[[Mapping[str, Any]], Any]:
        def answer(request: Mapping[str, Any]) -> Any:
            try:
                take(request)
            except TokenError as error:
                return self._rejected(error.code, error.message)
            return self._ministack.json_response({})

        return answer

    def _rejected(self, code: str, message: str) -> Any:
        return self._ministack.error_response_json(code, message, BAD_REQUEST)


def _context(record: Mapping[str, Any], machine: Mapping[str, Any]) -> dict[str, Any]:
    """Return the Context Object of an execution (developer guide, "Accessing execution data")."""
    execution = {
        "Id": record["executionArn"],
        "Input": json.loads(record["input"]),
        "StartTime": record["startDate"],
        "Name": record["name"],
        "RoleArn": machine["roleArn"],
        "RedriveCount": 0,
    }
    return {
        "Execution": execution,
        "StateMachine": {"Id": machine["stateMachineArn"], "Name": machine["name"]},
    }
