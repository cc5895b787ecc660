"""The events of an execution, as GetExecutionHistory returns them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from stagewright.local.step_functions.errors import RUNTIME, AbortedError, StateError

LIMIT = 25_000
"""Events of an execution. The last one is its ExecutionFailed."""
CAUSE = f"The execution reached the maximum number of history events ({LIMIT})."


class History:
    """Appends to `events`. Branches of an execution may add at the same time.

    `is_over` returns whether the execution has ended. Its last event is then there or follows.
    """

    def __init__(
        self, events: list[dict[str, Any]], now: Callable[[], str], is_over: Callable[[], bool]
    ) -> None:
        self._events = events
        self._now = now
        self._is_over = is_over
        self._lock = threading.Lock()

    def begin(self, role: str, payload: str) -> None:
        """Write the first event, also over one that is there."""
        details = {**included("input", payload), "roleArn": role}
        self._events[:1] = [self._event(1, "ExecutionStarted", 0, details)]

    def add(self, kind: str, previous: int, **details: Any) -> int:
        """Add an event and return its id.

        Raise StateError if the history is full, AbortedError if the execution has ended.
        """
        with self._lock:
            if self._is_over():
                raise AbortedError
            if len(self._events) >= LIMIT - 1:
                raise StateError(RUNTIME, CAUSE)
            return self._append(kind, previous, details)

    def end(self, kind: str, previous: int, **details: Any) -> None:
        """Add the last event, also to a full history."""
        with self._lock:
            is_full = details.get("cause") == CAUSE
            self._append(kind, len(self._events) if is_full else previous, details)

    def _append(self, kind: str, previous: int, details: dict[str, Any]) -> int:
        number = len(self._events) + 1
        self._events.append(self._event(number, kind, previous, details))
        return number

    def _event(self, number: int, kind: str, previous: int, details: dict[str, Any]) -> dict[str, Any]:
        event = {"id": number, "previousEventId": previous, "timestamp": self._now(), "type": kind}
        return event | ({field(kind): details} if details else {})


def field(kind: str) -> str:
    """Return the name of the field that has an event's details."""
    for name in ("StateEntered", "StateExited"):
        kind = name if kind.endswith(name) else kind
    return f"{kind[0].lower()}{kind[1:]}EventDetails"


def included(name: str, text: str) -> dict[str, Any]:
    """Return a payload of an event, which is never truncated here."""
    return {name: text, f"{name}Details": {"truncated": False}}
