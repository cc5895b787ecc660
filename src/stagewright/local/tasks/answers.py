"""Results and errors of tasks: JSON types only, within the size limit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from stagewright.catalog import step_functions_fields
from stagewright.local.step_functions.errors import RUNTIME, StateError
from stagewright.local.step_functions.tasks import Task


def milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def plain(value: Any, time_of: Callable[[datetime], Any]) -> Any:
    """Convert a value to JSON types. `time_of` converts times."""
    match value:
        case datetime():
            return time_of(value)
        case Mapping():
            return {key: plain(item, time_of) for key, item in value.items()}
        case list() | tuple():
            return [plain(item, time_of) for item in value]
    return value


def unrecognized(task: Task) -> StateError:
    return StateError(RUNTIME, f"The resource provided {task.resource} is not recognized.")


def check(operation: str, arguments: Any) -> None:
    """Raise StateError for a field that the operation does not accept."""
    for problem in step_functions_fields.check(operation, arguments):
        field = problem.path.rpartition(".")[2]
        cause = f'[The field "{field}" is not supported by Step Functions]'
        raise StateError(RUNTIME, f"The Parameters could not be used to start the Task: {cause}")
