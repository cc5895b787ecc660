"""Runs a definition in the engine, without a server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from stagewright.local.step_functions.calls import Calls
from stagewright.local.step_functions.clock import Clock
from stagewright.local.step_functions.errors import StateError
from stagewright.local.step_functions.execution import Execution, Outcome
from stagewright.local.step_functions.history import History, field
from stagewright.local.step_functions.tasks import Task, Tokens
from stagewright.local.step_functions.values import encode

ROLE = "snf_role_arn"
CONTEXT = {"Execution": {"Id": "arn:execution", "Name": "e", "RoleArn": ROLE}, "StateMachine": {"Id": "arn"}}


@dataclass
class Run:
    """An execution. `stop` ends it, as StopExecution does."""

    definition: Mapping[str, Any]
    perform: Callable[[Task], Any] = lambda task: task.arguments
    scale: float = 0.001
    region: str = "us-east-1"

    def __post_init__(self) -> None:
        self.definition = {"QueryLanguage": "JSONata", **self.definition}
        self.events: list[dict[str, Any]] = []
        self.is_stopped = False
        self.tokens = Tokens()
        self.clock = Clock(self.scale)
        self.outcome: Outcome | None = None

    def stop(self) -> None:
        self.is_stopped = True
        self.clock.wake()

    def start(self, value: Any = None) -> Outcome | None:
        """Run to the end and return the outcome, None after a stop."""
        value = {} if value is None else value
        history = History(self.events, self.clock.now, lambda: self.is_stopped)
        history.begin(ROLE, encode(value))
        calls = Calls(self.perform, self.tokens, self.region)
        execution = Execution(self.definition, CONTEXT, calls, history, self.clock, lambda: self.is_stopped)
        self.outcome = execution.run(value)
        if self.outcome:
            history.end(self.outcome.event, self.outcome.previous, **self.outcome.details)
        return self.outcome

    @property
    def kinds(self) -> list[str]:
        return [event["type"] for event in self.events]

    def details(self, kind: str) -> list[dict[str, Any]]:
        """The details of each event of a type."""
        return [event.get(field(kind), {}) for event in self.events if event["type"] == kind]


def machine(**states: Mapping[str, Any]) -> dict[str, Any]:
    """A definition whose states follow each other, unless they have a Next."""
    names = list(states)
    linked = {}
    for name, following in zip(names, [*names[1:], None], strict=True):
        state = states[name]
        is_linked = {"Next", "End", "Choices"} & state.keys() or state["Type"] in ("Fail", "Succeed")
        link = {} if is_linked else {"Next": following} if following else {"End": True}
        linked[name] = {**state, **link}
    return {"StartAt": names[0], "States": linked}


def failing(error: str, cause: str = "", times: int | None = None) -> Callable[[Task], Any]:
    """Performs a task that fails, the first `times` or always."""
    attempts: list[Task] = []

    def perform(task: Task) -> Any:
        attempts.append(task)
        if times is None or len(attempts) <= times:
            raise StateError(error, cause)
        return task.arguments

    return perform
