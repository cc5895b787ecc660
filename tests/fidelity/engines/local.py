"""The local target's engine. Its clock stands still, and it does not wait."""

from __future__ import annotations

import json
from typing import Any

from jsonata.jsonata import Jsonata
from protocol import EXECUTION, MILLIS, NOW, TOKEN, Refused, Trace, serve

from stagewright.local.step_functions import expressions
from stagewright.local.step_functions.calls import Calls
from stagewright.local.step_functions.clock import Clock
from stagewright.local.step_functions.errors import StateError
from stagewright.local.step_functions.execution import Execution
from stagewright.local.step_functions.history import History
from stagewright.local.step_functions.tasks import CALLBACK, Task, Tokens, Waiting

expressions._FRAME.bind("now", Jsonata.JLambda(lambda: NOW))
expressions._FRAME.bind("millis", Jsonata.JLambda(lambda: MILLIS))


class StillClock(Clock):
    def now(self) -> str:
        return NOW


class LastToken(Tokens):
    """Tokens differ from run to run: a trace has the same text for each."""

    last = TOKEN

    def open(self, token: str, waiting: Waiting) -> None:
        self.last = token
        super().open(token, waiting)


def run(machine: dict[str, Any], given: Any, trace: Trace) -> None:
    events: list[dict[str, Any]] = []
    tokens = LastToken()

    def perform(task: Task) -> Any:
        arguments = json.loads(json.dumps(task.arguments).replace(tokens.last, TOKEN))
        try:
            result = trace.answer(entered(events)[-1], task.resource, arguments)
        except Refused as refused:
            raise StateError(refused.error, refused.cause) from refused
        if task.resource.endswith(CALLBACK):
            tokens.succeed({"taskToken": tokens.last, "output": json.dumps(result)})
        return result

    clock = StillClock(scale=0)
    context = {"Execution": {"Id": EXECUTION, "Input": given, "Name": "execution", "StartTime": NOW}}
    history = History(events, clock.now, lambda: False)
    calls = Calls(perform, tokens, "us-east-1")
    outcome = Execution(machine, context, calls, history, clock, lambda: False).run(given)
    assert outcome
    trace.states = entered(events)
    trace.failures = [
        event["evaluationFailedEventDetails"]["cause"]
        for event in events
        if event["type"] == "EvaluationFailed"
    ]
    failed = outcome.status != "SUCCEEDED"
    trace.end = (
        {"error": outcome.error, "cause": outcome.cause} if failed else {"output": json.loads(outcome.output)}
    )


def entered(events: list[dict[str, Any]]) -> list[str]:
    return [
        event["stateEnteredEventDetails"]["name"] for event in events if event["type"].endswith("Entered")
    ]


serve(run)
