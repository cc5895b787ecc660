"""Runs a state machine: definition, input, tasks and a clock in, history and outcome out."""

from __future__ import annotations

import logging
import threading
from collections import ChainMap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from stagewright.local.step_functions.calls import Calls
from stagewright.local.step_functions.clock import Clock, Scope
from stagewright.local.step_functions.definition import require_supported
from stagewright.local.step_functions.errors import RUNTIME, TIMEOUT, AbortedError, StateError
from stagewright.local.step_functions.fan_out import run_map, run_parallel
from stagewright.local.step_functions.flow import run_choice, run_fail, run_pass, run_succeed, run_wait
from stagewright.local.step_functions.history import History, included
from stagewright.local.step_functions.values import encode
from stagewright.local.step_functions.visit import Branch, Exit, Visit

FLOW: dict[str, Callable[[Visit], Exit]] = {
    "Pass": run_pass,
    "Choice": run_choice,
    "Wait": run_wait,
    "Succeed": run_succeed,
    "Fail": run_fail,
}
SUCCEEDED, FAILED, TIMED_OUT = "SUCCEEDED", "FAILED", "TIMED_OUT"
FANS = {"Parallel": run_parallel, "Map": run_map}

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """How an execution ended. `event` is the type of its last event, which follows `previous`."""

    status: str
    event: str
    previous: int = 0
    output: str = ""
    error: str = ""
    cause: str = ""

    @property
    def details(self) -> dict[str, Any]:
        """Return the details of the last event."""
        if self.status == SUCCEEDED:
            return included("output", self.output)
        error = {"error": TIMEOUT} if self.status == TIMED_OUT else {"error": self.error, "cause": self.cause}
        return {name: value for name, value in error.items() if value}


class Execution:
    """One run of a definition. `context` is the Context Object but for State, Task and Map.

    `has_ended` returns whether somebody has stopped the execution. Call `clock.wake` after a stop.
    """

    def __init__(
        self,
        definition: Mapping[str, Any],
        context: Mapping[str, Any],
        calls: Calls,
        history: History,
        clock: Clock,
        has_ended: Callable[[], bool],
    ) -> None:
        self._definition = definition
        self._context = context
        self._calls = calls
        self._clock = clock
        self._scope = Scope(clock, has_ended)
        self._branch = Branch(history, self._scope, ChainMap())
        self._is_late = False

    def run(self, value: Any) -> Outcome | None:
        """Run the definition with an input. Return its outcome, None if somebody has stopped it."""
        timer = threading.Timer(self._definition.get("TimeoutSeconds", threading.TIMEOUT_MAX), self._time_out)
        timer.daemon = True
        if "TimeoutSeconds" in self._definition:
            timer.start()
        try:
            require_supported(self._definition)
            output = encode(self._walk(self._branch, self._definition, value))
            return Outcome(SUCCEEDED, "ExecutionSucceeded", self._branch.previous, output)
        except AbortedError:
            return Outcome(TIMED_OUT, "ExecutionTimedOut") if self._is_late else None
        except StateError as error:
            return self._failed(error)
        except Exception as error:
            log.exception("an execution ended with an error of the engine")
            return self._failed(StateError(RUNTIME, str(error)))
        finally:
            timer.cancel()

    def _failed(self, error: StateError) -> Outcome:
        previous = self._branch.previous
        return Outcome(FAILED, "ExecutionFailed", previous, error=error.error, cause=error.cause)

    def _time_out(self) -> None:
        self._is_late = True
        self._scope.abort()

    def _walk(self, branch: Branch, machine: Mapping[str, Any], value: Any) -> Any:
        """Run the states of a branch one after the other. Return the output of the last."""
        name: str | None = machine["StartAt"]
        while name is not None:
            branch.scope.require()
            visit = Visit(branch, name, machine["States"][name], value, self._entered(name))
            end = self._run(visit)
            value, name = visit.leave(end), end.next
        return value

    def _entered(self, name: str) -> dict[str, Any]:
        return {**self._context, "State": {"Name": name, "EnteredTime": self._clock.now()}}

    def _run(self, visit: Visit) -> Exit:
        if visit.kind in FLOW:
            return FLOW[visit.kind](visit)
        visit.context["State"]["RetryCount"] = 0
        return self._calls.run(visit) if visit.kind == "Task" else FANS[visit.kind](visit, self._walk)
