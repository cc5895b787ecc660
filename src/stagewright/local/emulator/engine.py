"""Patches of ministack's Step Functions engine, and the tasks that it hands to our handlers.

- A handler receives the execution and the timeout of its task.
- A stopped execution stays stopped and starts no further task.
- Errors that no Catch can match on AWS end the execution.
- An execution starts without a pause. Its history events have unique ids.
- `$parse` accepts JSON only. The time limit of an expression counts CPU time.
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

from stagewright.local.emulator.patches import replace

TERMINAL_ERRORS = ("States.Runtime",)


class TaskError(Exception):
    """Raised by a handler to fail its task. Catch and Retry match `error`."""

    def __init__(self, error: str, cause: str) -> None:
        super().__init__(f"{error}: {cause}")
        self.error = error
        self.cause = cause


class ExecutionStoppedError(Exception):
    """The execution ended while its task was running. No Catch matches this error."""


@dataclass(frozen=True)
class Task:
    """One attempt of a task. `timeout` is in seconds; None means no timeout."""

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
"""Execution, timeout and resource of the task that this thread runs."""
_starting: contextvars.ContextVar[bool] = contextvars.ContextVar("_starting", default=False)


def patch(engine: Any, on_stop: Callable[[], None]) -> None:
    """Patch the engine. `on_stop` is called after an execution was stopped."""
    replace(engine, "time", _Clock)
    replace(engine, "_run_execution", _without_pause(engine._run_execution))
    replace(engine, "_add_event", _one_at_a_time(engine._add_event))
    replace(engine, "_fail_execution", _only_while_running(engine._fail_execution))
    replace(engine, "_stop_execution", _then(engine._stop_execution, on_stop))
    replace(engine, "_error_matches", _never_terminal(engine._error_matches))
    replace(engine, "_execute_task", _with_execution(engine))
    replace(engine, "_sfn_jsonata_parse", _parse_json)


def limit_cpu_time(timebox: Any) -> None:
    """Let the time limit of an expression count the CPU time of its thread.

    `timebox` is the module jsonata.timebox, whose limit counts wall-clock time: on a busy machine an
    expression fails because its thread waits.
    """

    class CpuTimebox(timebox.Timebox):  # type: ignore[misc]
        time: float

        def __init__(self, *arguments: Any) -> None:
            self.start = time.thread_time()
            super().__init__(*arguments)

        def check_runaway(self) -> None:
            now = self.current_milli_time()
            if self.timeout is not None and now - self.time > self.timeout:
                self.time = now - 1000 * (time.thread_time() - self.start)
            super().check_runaway()

    replace(timebox, "Timebox", CpuTimebox)


def register(engine: Any, prefix: str, handler: Handler) -> None:
    """Send tasks whose resource starts with `prefix` to `handler`, on the execution's thread."""

    def dispatch(resource: str, arguments: Any) -> Any:
        execution, timeout, full = _current.get()
        try:
            return handler(Task(full or resource, arguments, timeout, execution))
        except TaskError as error:
            raise engine._ExecutionError(error.error, error.cause) from error

    engine._SERVICE_DISPATCH[prefix] = dispatch


def is_stopped() -> bool:
    """Return whether the execution of the current thread's task has ended."""
    execution, _, _ = _current.get()
    return bool(execution.get("status", "RUNNING") != "RUNNING")


class _Clock:
    """The engine's `time` module, without the fixed pause of 150 ms before an execution's first state."""

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
    """Give each event its own id, although branches run in parallel."""
    lock = threading.Lock()

    def add_event(*arguments: Any, **keywords: Any) -> Any:
        with lock:
            return add(*arguments, **keywords)

    return add_event


def _only_while_running(fail: Callable[..., None]) -> Callable[..., None]:
    """Keep ABORTED when a task fails because its execution was stopped."""

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
    """`States.ALL` does not match these errors ("Handling errors in Step Functions workflows").

    The guide also names States.DataLimitExceeded. That of a task's result was caught on AWS (measured by
    iwamot/sfnx, docs/design.md), and the local engine raises no other.
    """

    def error_matches(names: list[str], error: str) -> bool:
        return error in names if error in TERMINAL_ERRORS else matches(names, error)

    return error_matches


def _with_execution(engine: Any) -> Callable[..., Any]:
    """Give our handlers the execution and the timeout, and start no task of an ended execution.

    The engine accepts only a number as TimeoutSeconds, so an expression is evaluated here. The engine does
    not get the timeout of our tasks: it would abandon the handler's thread together with the job.
    """
    execute = engine._execute_task

    def execute_task(state: dict[str, Any], raw_input: Any, execution: dict[str, Any], context: Any) -> Any:
        if execution and execution["status"] != "RUNNING":
            raise ExecutionStoppedError(f"the execution is {execution['status']}")
        timeout = _timeout(engine, state, raw_input, context)
        has_handler = (
            getattr(engine._SERVICE_DISPATCH.get(_prefix(engine, state)), "__module__", "") == __name__
        )
        state = {name: value for name, value in state.items() if name != "TimeoutSeconds"}
        if timeout is not None and not has_handler:
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
    """Implement `$parse` strictly. Python's parser also accepts NaN, Infinity, and numbers that overflow."""

    def reject(constant: str) -> Any:
        raise ValueError(f"{constant} is no number in JSON")

    def finite(number: str) -> float:
        return value if math.isfinite(value := float(number)) else reject(number)

    return json.loads(text, parse_constant=reject, parse_float=finite)


LIMIT = 262_144
"""Bytes of a task's result in UTF-8 (Step Functions quotas: 256 KiB)."""
TOO_LARGE = "States.DataLimitExceeded"


def excess(result: dict[str, Any]) -> str:
    """Return the cause of States.DataLimitExceeded if the result is too large, otherwise an empty string."""
    size = len(json.dumps(result, ensure_ascii=False).encode())
    limit = "maximum number of bytes service limit"
    return f"The task returned {size} bytes, exceeding the {limit}" if size > LIMIT else ""
