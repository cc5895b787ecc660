"""One visit of a state: its events, the values of its fields, and what catches its errors."""

from __future__ import annotations

import json
from collections import ChainMap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from stagewright.local.step_functions import expressions
from stagewright.local.step_functions.clock import Scope
from stagewright.local.step_functions.errors import EVALUATION, StateError
from stagewright.local.step_functions.history import History, included
from stagewright.local.step_functions.retries import Retries
from stagewright.local.step_functions.values import encode, limited, type_of

Attempt = Callable[[], "Exit"]


@dataclass
class Branch:
    """A line of states that follow each other. `previous` is the id of its last event.

    `open` is the type of the state that has been entered and not left.
    """

    history: History
    scope: Scope
    variables: ChainMap[str, Any]
    previous: int = 0
    open: str = ""

    def add(self, kind: str, **details: Any) -> int:
        self.previous = self.history.add(kind, self.previous, **details)
        return self.previous

    def inner(self, scope: Scope) -> Branch:
        """Return a branch of a Parallel or Map state, which reads these variables and has its own."""
        return Branch(self.history, scope, self.variables.new_child(), self.previous)


class Exit(NamedTuple):
    """How a state ends. `next` None ends the branch."""

    output: Any
    next: str | None
    assigned: Mapping[str, Any]


@dataclass
class Visit:
    """A state that was entered. `context` is `$states.context`."""

    branch: Branch
    name: str
    state: Mapping[str, Any]
    input: Any
    context: dict[str, Any]
    before: int = field(init=False)
    entered: int = field(init=False)

    def __post_init__(self) -> None:
        self.kind: str = self.state["Type"]
        self.retries = Retries(self.state.get("Retry", ()))
        self.before = self.branch.previous
        entered = included("input", encode(self.input))
        self.entered = self.branch.add(f"{self.kind}StateEntered", name=self.name, **entered)
        self.branch.open = self.kind

    def evaluate(self, template: Any, location: str, **states: Any) -> Any:
        """Return a field's value. `states` are further fields of `$states`. StateError if it has none."""
        known = {"input": self.input, "context": self.context, **states}
        try:
            return expressions.evaluate(template, location, {**self.branch.variables, "states": known})
        except expressions.EvaluationError as error:
            raise self.evaluation_error(error.cause, error.field) from error

    def number(self, name: str, default: float) -> float:
        """Return the value of a field that is a number or an expression."""
        return float(self.typed(name, "number")) if name in self.state else default

    def typed(self, name: str, expected: str) -> Any:
        return self.checked(self.state[name], name, expected)

    def checked(self, template: Any, location: str, expected: str) -> Any:
        """Return a value of the JSON type `expected`. StateError for any other."""
        value = self.evaluate(template, location)
        if (actual := type_of(value)) == expected:
            return value
        text = template[2:-2].strip() if expressions.is_expression(template) else encode(template)
        returned = f"returned an unexpected result type. Expected '{expected}', but was '{actual}'"
        specified = f"The JSONata expression '{text}' specified for the field '{location}'"
        raise self.evaluation_error(f"{specified} {returned} for value: {encode(value)}", location)

    def evaluation_error(self, cause: str, location: str = "") -> StateError:
        """Add EvaluationFailed and return the error.

        The event follows the one before the state's entry, unless something has happened since (recorded).
        """
        error = StateError(EVALUATION, f"{self.prefix} {cause}")
        is_first = self.branch.previous == self.entered and self.kind != "Wait"
        self.branch.previous = self.before if is_first else self.branch.previous
        where = {"state": self.name} | ({"location": location} if location else {})
        self.branch.add("EvaluationFailed", **error.details, **where)
        return error

    @property
    def prefix(self) -> str:
        """Return the words with which AWS begins the causes of its own errors."""
        entered = f"(entered at the event id #{self.entered})"
        return f"An error occurred while executing the state '{self.name}' {entered}."

    def exit(
        self, default: Any, *, part: Mapping[str, Any] | None = None, at: str = "", **states: Any
    ) -> Exit:
        """Return the end of the state. `default` is the output without an Output field.

        Output and Assign are those of the state, or of `part` of it: a choice rule or a catcher.
        """
        part = self.state if part is None else part
        output = self.evaluate(part["Output"], f"{at}Output", **states) if "Output" in part else default
        assigned = self.evaluate(part.get("Assign", {}), f"{at}Assign", **states)
        return Exit(output, part.get("Next"), assigned)

    def try_again(self, attempt: Attempt, on_failure: Callable[[], Any] = lambda: None) -> Exit:
        """Return the end of an attempt, after as many as Retry allows, or that of the catcher.

        `on_failure` is called once no further attempt follows.
        """
        while True:
            try:
                return attempt()
            except StateError as error:
                seconds = self.retries.interval(error)
                if seconds is None:
                    on_failure()
                    return self._caught(error)
            self.context["State"]["RetryCount"] = self.retries.count
            self.branch.scope.pause(seconds)

    def _caught(self, error: StateError) -> Exit:
        for index, catcher in enumerate(self.state.get("Catch", ())):
            if error.matches(catcher["ErrorEquals"]):
                output = {"Error": error.error, "Cause": error.cause}
                return self.exit(output, part=catcher, at=f"Catch[{index}]/", errorOutput=output)
        raise error

    def leave(self, end: Exit) -> Any:
        """Add the last event of the state, set its variables, and return its output."""
        output = limited(end.output, self.name, is_terminal=True)
        assigned = {name: encode(value) for name, value in end.assigned.items()}
        details = {"assignedVariables": assigned, "assignedVariablesDetails": {"truncated": False}}
        details = details if assigned else {}
        self.branch.add(f"{self.kind}StateExited", name=self.name, **included("output", output), **details)
        self.branch.variables.update(end.assigned)
        self.branch.open = ""
        return json.loads(output)
