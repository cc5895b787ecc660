"""An execution of a published version runs the definition of that version, as in AWS.

ministack runs the newest definition of the state machine, whatever version an execution was started with.
"""

from __future__ import annotations

import contextvars
import json
from collections.abc import Callable
from typing import Any

from stagewright.local.emulator.patches import replace

Operation = Callable[[dict[str, Any]], Any]
FIELD = "stateMachineVersionArn"
"""Field of an execution that was started with a version (API reference, DescribeExecution)."""

_version: contextvars.ContextVar[str] = contextvars.ContextVar("_version", default="")
"""ARN of the version that the execution of this thread runs. The thread inherits it from the request."""


def patch(engine: Any) -> None:
    replace(engine, "_state_machines", _machines(engine))
    replace(engine, "_start_execution", _started_with_version(engine, engine._start_execution))
    replace(engine, "_describe_execution", _described_with_version(engine, engine._describe_execution))


def _started_with_version(engine: Any, start: Operation) -> Operation:
    def start_execution(data: dict[str, Any]) -> Any:
        arn = str(data.get("stateMachineArn", ""))
        if arn not in engine._state_machine_versions:
            return start(data)
        token = _version.set(arn)
        try:
            answer = start(data)
        finally:
            _version.reset(token)
        if execution := engine._executions.get(json.loads(answer[2]).get("executionArn")):
            execution[FIELD] = arn
        return answer

    return start_execution


def _described_with_version(engine: Any, describe: Operation) -> Operation:
    def describe_execution(data: dict[str, Any]) -> Any:
        status, headers, body = describe(data)
        version = (engine._executions.get(data.get("executionArn")) or {}).get(FIELD)
        if version:
            body = json.dumps(json.loads(body) | {FIELD: version}).encode()
        return status, headers, body

    return describe_execution


def _machines(engine: Any) -> Any:
    """Return ministack's table of state machines. An execution of a version reads the machine as it was."""
    base: Any = type(engine._state_machines)

    class Machines(base):  # type: ignore[misc]
        def get(self, key: str, default: Any = None) -> Any:
            machine = super().get(key, default)
            version = engine._state_machine_versions.get(_version.get())
            return machine | version if version and version["stateMachineArn"] == key else machine

    return Machines()
