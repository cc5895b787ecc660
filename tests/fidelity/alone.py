"""States of the machine on their own, and which of the situations differ for a state."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from tests.fidelity.situations import SITUATIONS

from stagewright.state_machine.builder import build

FILLED = {"partition": "aws", "runs_table": "runs", "prefix": "p", "environment": "e"}
INSIDE_TASK = {
    "Type": "Task",
    "Resource": "arn:aws:states:::aws-sdk:test:inside",
    "Arguments": "{% $states.input %}",
    "End": True,
}
INSIDE = {"StartAt": "Inside", "States": {"Inside": INSIDE_TASK}}
READ = re.compile(r"\$states\.(input|result|errorOutput)((?:\.\w+)*)")


def machine() -> dict:
    """The machine as Terraform fills it in, with the items of a Map one after another.

    It has no timeouts: the second engine does not read them, since time does not pass in it.
    """
    text = json.dumps(build())
    for name, value in FILLED.items():
        text = text.replace(f"${{{name}}}", value)
    filled = json.loads(text)
    for state in states(filled).values():
        state.pop("TimeoutSeconds", None)
        if state["Type"] == "Map":
            state["MaxConcurrency"] = 1
    return filled


def states(part: dict) -> dict[str, dict]:
    """All states by name, also those inside Maps."""
    found = dict(part["States"])
    for state in part["States"].values():
        found |= states(state["ItemProcessor"]) if "ItemProcessor" in state else {}
    return found


def alone(name: str, state: dict, situation: dict) -> dict:
    """A machine that enters the state with the situation's input and ends in the next state."""
    kept = {**state, "ItemProcessor": INSIDE} if "ItemProcessor" in state else state
    reached = [state[key] for key in ("Next", "Default") if key in state]
    reached += [rule["Next"] for key in ("Choices", "Catch") for rule in state.get(key, ())]
    return {
        "QueryLanguage": "JSONata",
        "StartAt": "Situation",
        "States": {
            "Situation": {"Type": "Pass", "Output": situation["input"], "Next": name},
            name: kept,
            **{target: {"Type": "Pass", "End": True} for target in reached},
        },
    }


def case(name: str, state: dict, situation: dict, *answers: dict) -> dict:
    return {
        "machine": alone(name, state, situation),
        "input": situation["context"]["Execution"]["Input"],
        "answers": [{"state": task, **answer} for answer in answers for task in (name, "Inside")],
    }


def cases(name: str, state: dict) -> Iterator[dict]:
    """The state in every situation. What calls something is answered with the result, then with the error."""
    for situation in different(state):
        yield case(name, state, situation, {"result": situation["result"]})
        if state["Type"] in ("Task", "Map"):
            yield case(name, state, situation, {"error": situation["errorOutput"]})


def different(state: dict) -> list[dict]:
    """The situations, without those that differ only in what the state does not read."""
    own = {key: value for key, value in state.items() if key != "ItemProcessor"}
    paths = sorted(set(READ.findall(json.dumps(own))))
    reads = [(root, path) for root, path in paths if path or root != "input"]
    return list({json.dumps([_look_up(each, *read) for read in reads]): each for each in SITUATIONS}.values())


def _look_up(situation: dict, root: str, path: str) -> object:
    value = situation[root]
    for name in filter(None, path.split(".")):
        value = value.get(name, "no value") if isinstance(value, dict) else "no value"
    return value


def errors(state: dict) -> set[str]:
    """Every error name that the state retries or catches, and one that it does not name."""
    rules = [*state.get("Retry", ()), *state.get("Catch", ())]
    return {name for rule in rules for name in rule["ErrorEquals"]} - {"States.ALL"} | {"Other"}
