"""An execution that is stopped while its job is created: the job must not run on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.local.step_functions.runs import Run, machine

from stagewright.local.step_functions.history import LIMIT
from stagewright.local.tasks.changes import Changes
from stagewright.local.tasks.glue import GlueTasks
from stagewright.local.tasks.sagemaker import SageMakerTasks

JOB = {"TransformJobName": "t", "ModelName": "m", "TransformInput": {}, "TransformOutput": {},
       "TransformResources": {}}  # fmt: skip
SAGEMAKER = {
    "Type": "Task",
    "Resource": "arn:aws:states:::sagemaker:createTransformJob.sync",
    "Arguments": JOB,
}
GLUE = {"Type": "Task", "Resource": "arn:aws:states:::glue:startJobRun.sync", "Arguments": {"JobName": "g"}}


class Service:
    """Starts jobs that never end. `meanwhile` happens before a create is answered."""

    def __init__(self, meanwhile: Callable[[], None]) -> None:
        self.calls: list[tuple[str, Any]] = []
        self._meanwhile = meanwhile

    def call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        self.calls.append((operation, request))
        if operation in ("CreateTransformJob", "StartJobRun"):
            self._meanwhile()
        return {"JobRunId": "jr_1", "TransformJobStatus": "InProgress", "JobRun": {"JobRunState": "RUNNING"}}


def sagemaker(service: Service) -> Callable[..., Any]:
    return SageMakerTasks(service, Changes()).optimized  # type: ignore[arg-type]


def glue(service: Service) -> Callable[..., Any]:
    return GlueTasks(service, Changes()).run


KINDS = [
    (SAGEMAKER, sagemaker, ("StopTransformJob", {"TransformJobName": "t"})),
    (GLUE, glue, ("BatchStopJobRun", {"JobName": "g", "JobRunIds": ["jr_1"]})),
]


@pytest.mark.parametrize(("state", "tasks", "stop"), KINDS, ids=["sagemaker", "glue"])
def test_job_of_an_execution_that_stops_meanwhile_is_stopped(
    state: dict[str, Any], tasks: Callable[[Service], Callable[..., Any]], stop: tuple[str, Any]
) -> None:
    run = Run(machine(Do=state))
    service = Service(run.stop)
    run.perform = tasks(service)
    assert run.start() is None
    assert service.calls[-1] == stop
    assert "TaskSubmitted" not in run.kinds


@pytest.mark.parametrize(("state", "tasks", "stop"), KINDS, ids=["sagemaker", "glue"])
def test_job_that_the_full_history_cannot_record_is_stopped(
    state: dict[str, Any], tasks: Callable[[Service], Callable[..., Any]], stop: tuple[str, Any]
) -> None:
    run = Run(machine(Do=state))
    service = Service(lambda: run.events.extend([{}] * LIMIT))
    run.perform = tasks(service)
    outcome = run.start()
    assert outcome is not None
    assert outcome.error == "States.Runtime"
    assert service.calls[-1] == stop
