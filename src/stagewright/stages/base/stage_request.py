"""How one kind of stage is planned: its AWS requests and the facts that follow from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from stagewright.errors import Problem
from stagewright.naming import CAPTURED, RUNS, job_name
from stagewright.stages.base.request import BuildContext, Requests
from stagewright.stages.base.usage import Use
from stagewright.stages.base.written_locations import written_locations

ImageScope = Literal["", "training", "inference"]

QUEUE_MARGIN = 600
"""Seconds that a job may wait for instances in addition to its own time limit."""


def _no_outputs(_stage: Any, _requests: Requests) -> Mapping[str, str]:
    return {}


def _no_instances(_requests: Requests, _timeout: int, _attempts: int) -> Iterable[Use]:
    return ()


def _no_problems(_requests: Requests) -> Iterable[Problem]:
    return ()


@dataclass(frozen=True)
class StageRequest:
    """The planning side of one kind. Each kind's `request` module defines one as `REQUEST`."""

    build: Callable[[Any, BuildContext], Requests]
    """The requests of a stage whose references are rendered."""
    timeout: Callable[[Any, Requests], int]
    """Seconds after which the state machine ends the stage."""
    history_events: int
    """Step Functions history events of a stage within a chain that succeeds at once."""
    outputs: Callable[[Any, Requests], Mapping[str, str]] = _no_outputs
    """Output name -> S3 URI, read from the finished requests because `request:` may change them."""
    uses: Callable[[Requests, int, int], Iterable[Use]] = _no_instances
    """The instances that the requests hold, given the timeout and the number of attempts."""
    writes: Callable[[Any, Requests], Mapping[str, str]] = written_locations
    """Path of a field -> the S3 URI that the stage's job or endpoint writes to."""
    writable: tuple[str, ...] = (RUNS, CAPTURED)
    """Key prefixes of the installation's bucket that the role of the stage's job may write to."""
    problems: Callable[[Requests], Iterable[Problem]] = _no_problems
    """What AWS would reject although each request alone is valid. Paths begin at the stage."""
    operation: str = ""
    """The operation that `request:` is merged into unless it names operations itself."""
    machine_inputs: tuple[str, ...] = ()
    """Entries of the requests that the state machine itself reads; they are no AWS operations."""
    image: ImageScope = ""
    """What the stage's image is for. Empty: the stage has no image."""
    is_pointer: bool = False
    """Whether the result only points at other stages' results, so that the stage runs whenever a stage that
    it waits for runs."""
    polls: bool = False
    """Whether the state machine polls for the stage's end, which costs history events."""
    job_name: Callable[[str, str, int], str] = job_name
    """The name of the job of a run, a stage and an attempt."""
    field_names: tuple[tuple[str, str], ...] = ()
    """Regular expression of a path in the requests -> the document's name for the field."""


def job_timeout(operation: str) -> Callable[[Any, Requests], int]:
    """The timeout of a job with a stopping condition: its limit, which includes the wait for a Spot instance,
    and the time that it may be pending (StoppingCondition, API reference)."""

    def timeout(_stage: Any, requests: Requests) -> int:
        condition = requests[operation]["StoppingCondition"]
        limit = max(condition["MaxRuntimeInSeconds"], condition.get("MaxWaitTimeInSeconds", 0))
        return int(limit + condition.get("MaxPendingTimeInSeconds", 0)) + QUEUE_MARGIN

    return timeout
