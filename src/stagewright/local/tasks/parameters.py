"""What an optimized integration refuses before it calls the service."""

from __future__ import annotations

from typing import Any

from stagewright.local.engine import Task, TaskError
from stagewright.plan import integration


def unrecognized(task: Task) -> TaskError:
    return TaskError("States.Runtime", f"The resource provided {task.resource} is not recognized.")


def check(operation: str, arguments: Any) -> None:
    """TaskError for a field that it does not take."""
    for problem in integration.check(operation, arguments):
        field = problem.path.rpartition(".")[2]
        cause = f'[The field "{field}" is not supported by Step Functions]'
        raise TaskError("States.Runtime", f"The Parameters could not be used to start the Task: {cause}")
