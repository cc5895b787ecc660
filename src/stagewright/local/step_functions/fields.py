"""The fields of each type of state (Amazon States Language; Step Functions guide, "Workflow states")."""

from __future__ import annotations

from collections.abc import Mapping

TYPES = ("Task", "Wait", "Pass", "Succeed", "Fail", "Choice", "Parallel", "Map")
MOVING = ("Task", "Wait", "Pass", "Parallel", "Map")
"""Types with a next state, or an end."""
_ALL = "Type Comment QueryLanguage Assign"
_PATHS = "InputPath OutputPath"
_RESULTS = "Parameters ResultSelector ResultPath"
_CALLED = "Arguments Retry Catch"
_OWN: Mapping[str, str] = {
    "Task": f"Resource Credentials TimeoutSeconds HeartbeatSeconds {_CALLED}",
    "Wait": "Seconds Timestamp",
    "Pass": "",
    "Succeed": "",
    "Fail": "Error Cause",
    "Choice": "Choices Default",
    "Parallel": f"Branches {_CALLED}",
    "Map": "Items ItemProcessor ItemSelector ItemReader ItemBatcher ResultWriter MaxConcurrency Label"
    " ToleratedFailureCount ToleratedFailurePercentage Retry Catch",
}
_OF_PATHS: Mapping[str, str] = {
    "Task": f"{_RESULTS} TimeoutSecondsPath HeartbeatSecondsPath",
    "Wait": "SecondsPath TimestampPath",
    "Pass": "Result Parameters ResultPath",
    "Fail": "ErrorPath CausePath",
    "Parallel": _RESULTS,
    "Map": f"{_RESULTS} ItemsPath Iterator MaxConcurrencyPath ToleratedFailureCountPath"
    " ToleratedFailurePercentagePath",
}
_ONLY_JSONATA = frozenset({"Arguments", "Items", "Output"})
_REQUIRED: Mapping[str, tuple[str, ...]] = {
    "Task": ("Resource",),
    "Choice": ("Choices",),
    "Parallel": ("Branches",),
}
ENTRIES: Mapping[str, tuple[str, ...]] = {
    "Choices": ("Next",),
    "Catch": ("ErrorEquals", "Next"),
    "Retry": ("ErrorEquals",),
}
"""List of a state -> the fields that each of its entries needs."""


def accepted(kind: str, in_jsonata: bool) -> frozenset[str]:
    """Return the fields of a type of state."""
    names = {*_ALL.split(), *_OWN[kind].split(), *(("Next", "End") if kind in MOVING else ())}
    if kind == "Fail":
        names.discard("Assign")
    elif in_jsonata:
        names.add("Output")
    if in_jsonata:
        return frozenset(names)
    return frozenset((names - _ONLY_JSONATA) | {*_PATHS.split(), *_OF_PATHS.get(kind, "").split()})


def required(kind: str, in_jsonata: bool) -> tuple[str, ...]:
    """Return the fields that a type of state needs. A Map of JSONPath may have the older Iterator."""
    return ("ItemProcessor",) if kind == "Map" and in_jsonata else _REQUIRED.get(kind, ())
