"""ministack's Step Functions engine, as we need it.

- tasks can go to our handlers, which know their execution and their timeout;
- a stopped execution stays stopped, and starts no further task; an error that AWS lets nobody catch ends it;
- an execution begins at once, and its events are counted one at a time;
- `$parse` takes JSON, and nothing else.
"""

from __future__ import annotations

import contextvars
import json
import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

TERMINAL_ERRORS = ("States.Runtime", "States.DataLimitExceeded")


class TaskError(Exception):
    """How a handler fails its task: the error name that Catch and Retry see, and the cause."""

    def __init__(self, error: str, cause: str) -> None:
        super().__init__(f"{error}: {cause}")
        self.error = error
        self.cause = cause


class ExecutionStoppedError(Exception):
    """The execution ended under a running task. No Catch sees it."""


@dataclass(frozen=True)
class Task:
    """One attempt of a task: what the state machine asks for, and for how long (seconds; None: for ever)."""

    resource: str
    arguments: Any
    timeout: float | None
    execution: Mapping[str, Any]

    @property
    def stopped(self) -> bool:
        return bool(self.execution.get("status", "RUNNING") != "RUNNING")


Handler = Callable[[Task], Any]


_current: contextvars.ContextVar[tuple[Mapping[str, Any], float | None, str]] = contextvars.ContextVar(
    "_current", default=({}, None, "")
)
"""Of the task that this thread runs: its execution, its timeout, its whole resource."""
_starting: contextvars.ContextVar[bool] = contextvars.ContextVar("_starting", default=False)


def mend(engine: Any, on_stop: Callable[[], None]) -> None:
    """`on_stop` is called after an execution was stopped."""
    engine.time = _Clock
    engine._run_execution = _without_pause(engine._run_execution)
    engine._add_event = _one_at_a_time(engine._add_event)
    engine._fail_execution = _only_while_running(engine._fail_execution)
    engine._stop_execution = _then(engine._stop_execution, on_stop)
    engine._error_matches = _never_terminal(engine._error_matches)
    engine._execute_task = _knowing_its_execution(engine)
    engine._sfn_jsonata_parse = _parse_json


def register(engine: Any, prefix: str, handler: Handler) -> None:
    """Tasks whose resource starts with `prefix` go to `handler`, on the execution's thread."""

    def dispatch(resource: str, arguments: Any) -> Any:
        execution, timeout, full = _current.get()
        try:
            return handler(Task(full or resource, arguments, timeout, execution))
        except TaskError as error:
            raise engine._ExecutionError(error.error, error.cause) from error

    engine._SERVICE_DISPATCH[prefix] = dispatch


def is_stopped() -> bool:
    """Whether the execution of the task that this thread runs has ended."""
    execution, _, _ = _current.get()
    return bool(execution.get("status", "RUNNING") != "RUNNING")


class _Clock:
    """`time` as the engine sees it, without its fixed pause of 150 ms before an execution's first state."""

    monotonic = staticmethod(time.monotonic)
    time = staticmethod(time.time)

    @staticmethod
    def sleep(seconds: float) -> None:
        if _starting.get():
            _starting.set(False)
        else:
            time.sleep(seconds)


def _without_pause(run: Callable[[str], None]) -> Callable[[str], None]:
    def run_execution(arn: str) -> None:
        _starting.set(True)
        run(arn)

    return run_execution


def _one_at_a_time(add: Callable[..., Any]) -> Callable[..., Any]:
    """Event ids are counted: two branches at once must not get the same."""
    lock = threading.Lock()

    def add_event(*arguments: Any, **keywords: Any) -> Any:
        with lock:
            return add(*arguments, **keywords)

    return add_event


def _only_while_running(fail: Callable[..., None]) -> Callable[..., None]:
    """A task that fails because its execution was stopped must not turn ABORTED into FAILED."""

    def fail_execution(execution: dict[str, Any], error: str, cause: str) -> None:
        if execution["status"] == "RUNNING":
            fail(execution, error, cause)

    return fail_execution


def _then(first: Callable[[Any], Any], second: Callable[[], None]) -> Callable[[Any], Any]:
    def both(data: Any) -> Any:
        answer = first(data)
        second()
        return answer

    return both


def _never_terminal(matches: Callable[[list[str], str], bool]) -> Callable[[list[str], str], bool]:
    """States.ALL does not catch these two (AWS: "Handling errors in Step Functions workflows")."""

    def error_matches(names: list[str], error: str) -> bool:
        return error in names if error in TERMINAL_ERRORS else matches(names, error)

    return error_matches


def _knowing_its_execution(engine: Any) -> Callable[..., Any]:
    """Tasks of ours learn their execution and timeout; none starts when the execution has ended.

    TimeoutSeconds is evaluated here, since the engine takes a number only; and it is left to our handlers,
    since the engine would abandon a handler's thread together with the job that it waits for.
    """
    execute = engine._execute_task

    def execute_task(state: dict[str, Any], raw_input: Any, execution: dict[str, Any], context: Any) -> Any:
        if execution and execution["status"] != "RUNNING":
            raise ExecutionStoppedError(f"the execution is {execution['status']}")
        timeout = _timeout(engine, state, raw_input, context)
        ours = getattr(engine._SERVICE_DISPATCH.get(_prefix(engine, state)), "__module__", "") == __name__
        state = {name: value for name, value in state.items() if name != "TimeoutSeconds"}
        if timeout is not None and not ours:
            state["TimeoutSeconds"] = timeout
        _current.set((execution or {}, timeout, str(state.get("Resource", ""))))
        return execute(state, raw_input, execution, context)

    return execute_task


def _prefix(engine: Any, state: Mapping[str, Any]) -> str:
    resource = str(state.get("Resource", ""))
    return next((prefix for prefix in engine._SERVICE_DISPATCH if resource.startswith(prefix)), "")


def _timeout(engine: Any, state: dict[str, Any], raw_input: Any, context: Any) -> float | None:
    if "TimeoutSeconds" not in state:
        return None
    if engine._state_query_language(state, context) != "JSONata":
        return float(state["TimeoutSeconds"])
    return float(engine._jsonata_state_field(state, "TimeoutSeconds", "number", raw_input, context))


def _parse_json(text: str) -> Any:
    """`$parse` as JSON says: Python alone would take NaN, Infinity, and numbers that only become infinite."""

    def refuse(constant: str) -> Any:
        raise ValueError(f"{constant} is no number in JSON")

    def finite(number: str) -> float:
        return value if math.isfinite(value := float(number)) else refuse(number)

    return json.loads(text, parse_constant=refuse, parse_float=finite)


LIMIT = 262_144
"""Bytes of a task's result (Step Functions quotas: 256 KiB, UTF-8)."""
TOO_LARGE = "States.DataLimitExceeded"


def excess(result: dict[str, Any]) -> str:
    """The cause with which Step Functions refuses the result; empty where it takes it."""
    size = len(json.dumps(result, ensure_ascii=False).encode())
    limit = "maximum number of bytes service limit"
    return f"The task returned {size} bytes, exceeding the {limit}" if size > LIMIT else ""
