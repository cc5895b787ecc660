"""Tasks that wait for a token (`.waitForTaskToken`), as Step Functions has them.

ministack waits for the token alone, on a thread that nothing else wakes: a stopped execution would hold it
until its timeout. Here it is awake for that, too. And a token that is no longer waited for is TaskTimedOut,
as on AWS (API reference of SendTaskSuccess: "The task token has either expired or the task associated with
the token has already been closed").
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

SUFFIX = ".waitForTaskToken"
LOOK_SECONDS = 0.25
"""How long a stopped execution may go unnoticed."""


def mend(engine: Any, is_stopped: Callable[[], bool], stopped: type[Exception]) -> None:
    """`is_stopped`: whether the execution of this thread's task has ended; `stopped` is raised then."""
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
            return _answer(engine, engine._task_tokens[token])
        finally:
            closed.add(token)
            engine._task_tokens.pop(token, None)

    engine._invoke_with_callback = invoke
    for name in ("_send_task_success", "_send_task_failure", "_send_task_heartbeat"):
        setattr(engine, name, _open_only(engine, getattr(engine, name), closed))


def _wait(event: threading.Event, timeout: float | None, is_stopped: Callable[[], bool]) -> bool:
    """Whether the token came; false after `timeout` seconds, and where the execution is stopped."""
    deadline = time.monotonic() + (float("inf") if timeout is None else timeout)
    while (left := deadline - time.monotonic()) > 0 and not is_stopped():
        if event.wait(min(left, LOOK_SECONDS)):
            return True
    return False


def _answer(engine: Any, told: Mapping[str, Any]) -> Any:
    if told["error"]:
        raise engine._ExecutionError(told["error"]["Error"], told["error"]["Cause"])
    return json.loads(told["result"])


def _open_only(engine: Any, send: Callable[[Any], Any], closed: set[str]) -> Callable[[Any], Any]:
    """Output that is no JSON is refused, as the API reference says (InvalidOutput)."""

    def checked(data: Any) -> Any:
        token = data.get("taskToken")
        told = engine._task_tokens.get(token)
        if token in closed or (told and told["event"].is_set()):
            return engine.error_response_json("TaskTimedOut", "Provided task does not exist anymore", 400)
        try:
            json.loads(data.get("output", "{}"))
        except ValueError:
            return engine.error_response_json("InvalidOutput", "The output is no JSON", 400)
        return send(data)

    return checked
