"""Patches of tasks that wait for a token (`.waitForTaskToken`).

ministack waits on a thread that only the token wakes, so a stopped execution keeps its thread until the
task's timeout. Here the thread also checks whether the execution has stopped. A token whose task has ended
returns TaskTimedOut, as on AWS (API reference of SendTaskSuccess: "The task token has either expired or the
task associated with the token has already been closed").
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from stagewright.local.emulator.patches import replace

SUFFIX = ".waitForTaskToken"
POLL_SECONDS = 0.25
"""The longest time until a stopped execution is noticed."""


def patch(engine: Any, is_stopped: Callable[[], bool], stopped: type[Exception]) -> None:
    """`is_stopped` returns whether the execution of the current thread's task has ended.

    `stopped` is the exception that the task raises in that case.
    """
    closed: set[str] = set()

    def invoke(resource: str, arguments: Any, token: str, state: Mapping[str, Any]) -> Any:
        event = threading.Event()
        engine._task_tokens[token] = {"event": event, "result": None, "error": None, "heartbeat": None}
        try:
            engine._invoke_resource(resource.replace(SUFFIX, ""), arguments)
            if not _wait(event, state.get("TimeoutSeconds"), is_stopped):
                if is_stopped():
                    raise stopped("the execution was stopped while it waited for a token")
                raise engine._ExecutionError("States.Timeout", "")
            return _result(engine, engine._task_tokens[token])
        finally:
            closed.add(token)
            engine._task_tokens.pop(token, None)

    replace(engine, "_invoke_with_callback", invoke)
    for name in ("_send_task_success", "_send_task_failure", "_send_task_heartbeat"):
        replace(engine, name, _for_open_tokens(engine, getattr(engine, name), closed))


def _wait(event: threading.Event, timeout: float | None, is_stopped: Callable[[], bool]) -> bool:
    """Return True when the token arrives, False after `timeout` seconds or when the execution is stopped."""
    deadline = time.monotonic() + (float("inf") if timeout is None else timeout)
    while (remaining := deadline - time.monotonic()) > 0 and not is_stopped():
        if event.wait(min(remaining, POLL_SECONDS)):
            return True
    return False


def _result(engine: Any, token: Mapping[str, Any]) -> Any:
    if token["error"]:
        raise engine._ExecutionError(token["error"]["Error"], token["error"]["Cause"])
    return json.loads(token["result"])


def _for_open_tokens(engine: Any, send: Callable[[Any], Any], closed: set[str]) -> Callable[[Any], Any]:
    """Wrap `send` with two checks of the API reference: the token is open, and the output is JSON."""

    def checked(data: Any) -> Any:
        token = data.get("taskToken")
        entry = engine._task_tokens.get(token)
        if token in closed or (entry and entry["event"].is_set()):
            return engine.error_response_json("TaskTimedOut", "Provided task does not exist anymore", 400)
        try:
            json.loads(data.get("output", "{}"))
        except ValueError:
            return engine.error_response_json("InvalidOutput", "The output is no JSON", 400)
        return send(data)

    return checked
