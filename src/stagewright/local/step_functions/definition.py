"""What this engine does not run: JSONPath, and what only distributed Map states have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from stagewright.local.step_functions.errors import RUNTIME, StateError

JSON_PATH = {
    *(
        "InputPath",
        "Parameters",
        "ResultSelector",
        "ResultPath",
        "OutputPath",
        "Result",
        "Iterator",
        "Variable",
    ),
    *("ItemsPath", "SecondsPath", "TimestampPath", "ErrorPath", "CausePath", "MaxConcurrencyPath"),
    *("TimeoutSecondsPath", "HeartbeatSecondsPath"),
}
DISTRIBUTED = {"ItemReader", "ItemBatcher", "ResultWriter", "Label"}


def require_supported(definition: Mapping[str, Any]) -> None:
    """Raise StateError for a field that this engine would have to ignore."""
    for name, state in _states(definition):
        parts = (state, *state.get("Choices", ()), *state.get("Catch", ()))
        for field in sorted({field for part in parts for field in part} & JSON_PATH):
            words = f"{field} of the state '{name}' is JSONPath. This engine runs JSONata only"
            raise StateError(RUNTIME, f'{words} ("QueryLanguage": "JSONata")')
        mode = state.get("ItemProcessor", {}).get("ProcessorConfig", {}).get("Mode", "INLINE")
        if mode != "INLINE" or state.keys() & DISTRIBUTED:
            raise StateError(
                RUNTIME, f"The Map state '{name}' is distributed. This engine runs inline ones only"
            )


def _states(machine: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, state in machine["States"].items():
        yield name, state
        inner = [state["ItemProcessor"]] if "ItemProcessor" in state else []
        for branch in (*state.get("Branches", ()), *inner):
            yield from _states(branch)
