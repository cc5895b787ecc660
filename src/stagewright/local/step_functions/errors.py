"""Errors that end a state, and which names of Retry and Catch match them ("Handling errors")."""

from __future__ import annotations

from collections.abc import Sequence

ALL = "States.ALL"
DATA_LIMIT = "States.DataLimitExceeded"
EVALUATION = "States.QueryEvaluationError"
NO_CHOICE = "States.NoChoiceMatched"
RUNTIME = "States.Runtime"
TASK_FAILED = "States.TaskFailed"
TIMEOUT = "States.Timeout"


class StateError(Exception):
    """Ends a state. `is_terminal`: only its own name matches it, not States.ALL."""

    def __init__(self, error: str, cause: str = "", is_terminal: bool = False) -> None:
        super().__init__(f"{error}: {cause}")
        self.error = error
        self.cause = cause
        self.is_terminal = is_terminal

    @property
    def details(self) -> dict[str, str]:
        """Return error and cause as an event has them: without those that are empty."""
        return {name: value for name in ("error", "cause") if (value := getattr(self, name))}

    def matches(self, names: Sequence[str]) -> bool:
        """Return whether ErrorEquals `names` this error. Nothing names States.Runtime."""
        if self.error == RUNTIME:
            return False
        if self.error in names:
            return True
        return not self.is_terminal and (ALL in names or (TASK_FAILED in names and self.error != TIMEOUT))


class AbortedError(Exception):
    """The execution ended, or another branch failed. No Catch matches this."""
