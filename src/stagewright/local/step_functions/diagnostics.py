"""What AWS finds wrong with a definition: the diagnostics of ValidateStateMachineDefinition.

CreateStateMachine and UpdateStateMachine reject a definition with the same words. Codes: API reference,
ValidateStateMachineDefinitionDiagnostic. Messages and locations: LocalStack's recorded answers
(test_sfn_api_validation), measurements by floci (pull request 2786) and sfnx, reports of users. All others
are ours (docs/fidelity.md, F118).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stagewright.local.step_functions import expressions, fields

JSONATA, JSON_PATH = "JSONata", "JSONPath"
SCHEMA = "SCHEMA_VALIDATION_FAILED"
MISSING = "MISSING_TRANSITION_TARGET"
LARGEST_ANSWER = 100
"""Diagnostics of one answer (API reference, maxResults)."""
State = Mapping[str, Any]


@dataclass(frozen=True)
class Diagnostic:
    """One error. `location` is the path of a state or field; "" for the whole definition."""

    code: str
    message: str
    location: str = ""

    def to_json(self) -> dict[str, str]:
        located = {"location": self.location} if self.location else {}
        return {"severity": "ERROR", "code": self.code, "message": self.message, **located}

    def __str__(self) -> str:
        return f"{self.code}: {self.message}" + (f" at {self.location}" if self.location else "")


def answer(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer to ValidateStateMachineDefinition."""
    found = [diagnostic.to_json() for diagnostic in diagnose(request.get("definition") or "")]
    most = int(request.get("maxResults") or LARGEST_ANSWER)
    return {
        "result": "FAIL" if found else "OK",
        "diagnostics": found[:most],
        "truncated": len(found) > most,
    }


def rejection(text: Any) -> str | None:
    """Return the message of InvalidDefinition, or None for a definition that AWS accepts."""
    found = ", ".join(map(str, diagnose(text or "")))
    return f"Invalid State Machine Definition: '{found}'" if found else None


def diagnose(text: str) -> list[Diagnostic]:
    """Return the errors of a definition."""
    try:
        machine = json.loads(text) if text.strip() else None
    except ValueError as error:
        return [Diagnostic("INVALID_JSON_DESCRIPTION", str(error))]
    if not isinstance(machine, dict):
        return [Diagnostic(SCHEMA, "Definition must be a valid JSON object")]
    language = machine.get("QueryLanguage", JSON_PATH)
    return list(_Machine(language).diagnose(machine, ""))


class _Machine:
    """The checks of one definition. State names must be unique in all of it."""

    def __init__(self, language: str) -> None:
        self._language = language
        self._names: set[str] = set()

    def diagnose(self, machine: State, path: str) -> Iterator[Diagnostic]:
        yield from _required(machine, ("States", "StartAt"), path or "/")
        if not {"States", "StartAt"} <= machine.keys():
            return
        states = machine["States"]
        if not isinstance(states, dict) or not states:
            yield Diagnostic(SCHEMA, "The field 'States' should be a non-empty JSON object", f"{path}/States")
            return
        for name, state in states.items():
            yield from self._state(name, state, f"{path}/States/{name}")
        yield from _transitions(str(machine["StartAt"]), states, path)

    def _state(self, name: str, state: Any, path: str) -> Iterator[Diagnostic]:
        if name in self._names:
            yield Diagnostic("DUPLICATE_STATE_NAME", f"Duplicate state name: {name}", path)
        self._names.add(name)
        if not isinstance(state, dict):
            yield Diagnostic(SCHEMA, "State must be a JSON object", path)
            return
        kind = state.get("Type")
        if kind not in fields.TYPES:
            yield from _required(state, ("Type",), path) if kind is None else [_unknown(path)]
            return
        language = state.get("QueryLanguage", self._language)
        if (self._language, language) == (JSONATA, JSON_PATH):
            message = "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine"
            yield Diagnostic(SCHEMA, message, path)
            return
        yield from _fields(kind, state, language == JSONATA, path)
        if language == JSONATA:
            yield from _expressions(state, path)
        for inner, where in _inner(state, path):
            yield from self.diagnose(inner, where)


def _required(part: State, names: tuple[str, ...], path: str) -> Iterator[Diagnostic]:
    if missing := [name for name in names if name not in part]:
        yield Diagnostic(SCHEMA, f"These fields are required: [{', '.join(missing)}]", path)


def _unknown(path: str) -> Diagnostic:
    message = f"The field 'Type' should have one of these values: [{', '.join(fields.TYPES)}]"
    return Diagnostic(SCHEMA, message, f"{path}/Type")


def _fields(kind: str, state: State, in_jsonata: bool, path: str) -> Iterator[Diagnostic]:
    yield from _required(state, fields.required(kind, in_jsonata), path)
    for name in state:
        if name not in fields.accepted(kind, in_jsonata):
            yield Diagnostic(SCHEMA, f"Field '{name}' is not supported", path)
    if kind in fields.MOVING and ("Next" in state) == bool(state.get("End")):
        if "Next" in state:
            yield Diagnostic(SCHEMA, "Only one of these fields may be set: [Next, End]", path)
        else:
            yield from _required(state, ("Next",), path)
    for name, names in fields.ENTRIES.items():
        wanted = (*names, "Condition") if name == "Choices" and in_jsonata else names
        for index, entry in enumerate(_list(state, name)):
            yield from _required(entry, wanted, f"{path}/{name}[{index}]")


def _list(state: State, name: str) -> list[State]:
    value = state.get(name)
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _inner(state: State, path: str) -> Iterator[tuple[State, str]]:
    for name in ("ItemProcessor", "Iterator"):
        if isinstance(state.get(name), dict):
            yield state[name], f"{path}/{name}"
    for index, branch in enumerate(_list(state, "Branches")):
        yield branch, f"{path}/Branches[{index}]"


def _expressions(value: Any, path: str) -> Iterator[Diagnostic]:
    """Yield the expressions of a state that are not JSONata. Inner machines are checked by themselves."""
    if isinstance(value, dict):
        for name, item in value.items():
            if name not in ("ItemProcessor", "Iterator", "Branches"):
                yield from _expressions(item, f"{path}/{name}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _expressions(item, f"{path}[{index}]")
    elif expressions.is_expression(value) and (message := expressions.syntax_error(value)):
        yield Diagnostic("INVALID_JSONATA_EXPRESSION", message, path)


def _transitions(start: str, states: Mapping[str, Any], path: str) -> Iterator[Diagnostic]:
    """Yield targets that do not exist, a missing end, and states that nothing leads to."""
    ways = {name: dict(_targets(state)) for name, state in states.items() if isinstance(state, dict)}
    places = [(f"{path}/StartAt", start)]
    for name, targets in ways.items():
        places += [(f"{path}/States/{name}/{place}", target) for place, target in targets.items()]
    for place, target in places:
        if target not in states:
            yield Diagnostic(MISSING, f"Missing 'Next' target: {target}", place)
    if not any(_is_last(state) for state in states.values()):
        yield Diagnostic("MISSING_END_STATE", "Workflow has no terminal state")
        return
    reached, waiting = set(), [start]
    while waiting:
        if (name := waiting.pop()) not in reached:
            reached.add(name)
            waiting += ways.get(name, {}).values()
    for name in states:
        if name not in reached:
            yield Diagnostic(MISSING, f'State "{name}" is not reachable.', f"{path}/States/{name}")


def _is_last(state: Any) -> bool:
    return isinstance(state, dict) and (bool(state.get("End")) or state.get("Type") in ("Succeed", "Fail"))


def _targets(state: State) -> Iterator[tuple[str, str]]:
    """Yield the place of each transition in a state, and its target."""
    for name in ("Next", "Default"):
        if isinstance(state.get(name), str):
            yield name, state[name]
    for name in ("Choices", "Catch"):
        for index, entry in enumerate(_list(state, name)):
            if isinstance(entry.get("Next"), str):
                yield f"{name}[{index}]/Next", entry["Next"]
