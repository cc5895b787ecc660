"""Task states: attempts with their events, timeouts, and tokens."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stagewright.local.step_functions.errors import TIMEOUT, StateError
from stagewright.local.step_functions.history import included
from stagewright.local.step_functions.tasks import CALLBACK, NEVER, Perform, Task, Tokens, Waiting
from stagewright.local.step_functions.values import encode, limited
from stagewright.local.step_functions.visit import Exit, Visit

SDK = "aws-sdk"
SECONDS = {"TimeoutSeconds": "timeoutInSeconds", "HeartbeatSeconds": "heartbeatInSeconds"}


@dataclass(frozen=True)
class Calls:
    """Runs Task states. `perform` does what the resource stands for."""

    perform: Perform
    tokens: Tokens
    region: str

    def run(self, visit: Visit) -> Exit:
        return visit.try_again(lambda: self._attempt(visit))

    def _attempt(self, visit: Visit) -> Exit:
        resource: str = visit.state["Resource"]
        token = str(uuid.uuid4()) if resource.endswith(CALLBACK) else ""
        visit.context.update({"Task": {"Token": token}} if token else {})
        arguments = visit.evaluate(visit.state.get("Arguments", visit.input), "Arguments")
        limits = {name: visit.number(name, NEVER) for name in SECONDS if name in visit.state}
        names = named(resource)
        self._schedule(visit, names, arguments, limits)
        deadline = time.monotonic() + limits.get("TimeoutSeconds", NEVER)
        task = Task(
            resource, arguments, deadline, visit.branch.scope, lambda answer: _submit(visit, names, answer)
        )
        try:
            result = self._performed(task, token, limits.get("HeartbeatSeconds", NEVER))
            output = limited(result, names["resourceType"], is_terminal=False)
        except StateError as error:
            kind = "TaskTimedOut" if error.error == TIMEOUT else "TaskFailed"
            visit.branch.add(kind, **error.details, **names)
            raise
        visit.branch.add("TaskSucceeded", **included("output", output), **names)
        return visit.exit(result, result=result)

    def _schedule(
        self, visit: Visit, names: Mapping[str, str], arguments: Any, limits: Mapping[str, float]
    ) -> None:
        parameters = limited(arguments, visit.name, is_terminal=True)
        seconds = {SECONDS[name]: int(value) for name, value in limits.items()}
        details = {**names, "region": self.region, "parameters": parameters, **seconds}
        visit.branch.add("TaskScheduled", **details)
        visit.branch.add("TaskStarted", **names)

    def _performed(self, task: Task, token: str, heartbeat: float) -> Any:
        if not token:
            return self.perform(task)
        waiting = Waiting(task.scope, heartbeat)
        self.tokens.open(token, waiting)
        try:
            task.submitted(self.perform(task))
            return waiting.result(task.deadline)
        finally:
            self.tokens.close(token)


def _submit(visit: Visit, names: Mapping[str, str], answer: Any) -> None:
    visit.branch.add("TaskSubmitted", **included("output", encode(answer)), **names)


def named(resource: str) -> dict[str, str]:
    """Return `resource` and `resourceType` of an event, such as getItem and aws-sdk:dynamodb."""
    service, _, action = resource.split(":", 5)[5].partition(":")
    if service == SDK:
        kind, _, action = action.partition(":")
        service = f"{SDK}:{kind}"
    return {"resourceType": service, "resource": action}
