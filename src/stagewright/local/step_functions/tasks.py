"""Tasks: what the engine gives to whatever performs them, and tokens of tasks that wait for an answer."""

from __future__ import annotations

import contextvars
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from stagewright.local.step_functions.clock import Scope
from stagewright.local.step_functions.errors import TIMEOUT, StateError

CALLBACK = ".waitForTaskToken"
NEVER = float("inf")


@dataclass(frozen=True)
class Task:
    """One attempt of a task. `deadline` is a time of time.monotonic.

    Call `submitted` with the first answer of a job that is then waited for.
    """

    resource: str
    arguments: Any
    deadline: float
    scope: Scope
    submitted: Callable[[Any], None]

    @property
    def stopped(self) -> bool:
        """Return whether the execution has ended, or a failed branch ends this one."""
        return self.scope.is_over()

    def interruptible(self, call: Callable[[], Any]) -> Any:
        """Return the result of `call`, which runs on a thread of its own and may be abandoned.

        Raise StateError at the deadline, AbortedError when the task is stopped.
        """
        outcome: list[tuple[Any, BaseException | None]] = []

        def run() -> None:
            try:
                outcome.append((call(), None))
            except BaseException as error:  # raised again below
                outcome.append((None, error))
            self.scope.clock.wake()

        threading.Thread(target=contextvars.copy_context().run, args=(run,), daemon=True).start()
        if not self.scope.wait(lambda: bool(outcome), self.deadline):
            raise StateError(TIMEOUT)
        (value, error) = outcome[0]
        if error:
            raise error
        return value


Perform = Callable[[Task], Any]
"""Performs a task and returns its result, in JSON types. Raises StateError for a failure of the task."""


class Waiting:
    """A task that waits for its token. `clock` wakes it."""

    def __init__(self, scope: Scope, heartbeat: float) -> None:
        self._scope = scope
        self._heartbeat = heartbeat
        self._expiry = time.monotonic() + heartbeat
        self._outcome: list[Any] = []

    @property
    def is_open(self) -> bool:
        return not self._outcome

    def end(self, outcome: Any) -> None:
        """End the task with its output, or with a StateError."""
        self._outcome.append(outcome)
        self._scope.clock.wake()

    def beat(self) -> None:
        self._expiry = time.monotonic() + self._heartbeat

    def result(self, deadline: float) -> Any:
        """Wait for the end. StateError of the failure, or at the deadline or after a missing heartbeat."""
        while not self._scope.wait(lambda: not self.is_open, until := min(deadline, self._expiry)):
            if until >= min(deadline, self._expiry):  # no heartbeat since
                raise StateError(TIMEOUT)
        if isinstance(self._outcome[0], StateError):
            raise self._outcome[0]
        return self._outcome[0]


class TokenError(Exception):
    """SendTaskSuccess and the others reject the request. `code` is the error's code in the API."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Tokens:
    """The open tokens of all executions."""

    def __init__(self) -> None:
        self._open: dict[str, Waiting] = {}
        self._closed: set[str] = set()

    def open(self, token: str, waiting: Waiting) -> None:
        self._open[token] = waiting

    def close(self, token: str) -> None:
        self._open.pop(token, None)
        self._closed.add(token)

    def succeed(self, request: Mapping[str, Any]) -> None:
        waiting = self._waiting(request)
        try:
            output = json.loads(request.get("output", "{}"))
        except ValueError:
            raise TokenError("InvalidOutput", "The output is no JSON") from None
        waiting.end(output)

    def fail(self, request: Mapping[str, Any]) -> None:
        self._waiting(request).end(StateError(request.get("error", ""), request.get("cause", "")))

    def beat(self, request: Mapping[str, Any]) -> None:
        self._waiting(request).beat()

    def _waiting(self, request: Mapping[str, Any]) -> Waiting:
        """Return the task of a token (API reference, SendTaskSuccess: TaskTimedOut, InvalidToken)."""
        token = str(request.get("taskToken", ""))
        waiting = self._open.get(token)
        if token in self._closed or (waiting and not waiting.is_open):
            raise TokenError("TaskTimedOut", "Provided task does not exist anymore")
        if waiting is None:
            raise TokenError("InvalidToken", "Invalid Token: 'Invalid token'")
        return waiting
