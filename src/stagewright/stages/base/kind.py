"""What planning knows of one kind of stage, as one row of a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from stagewright.naming import job_name
from stagewright.stages.base.request import Requests, Setting

Image = Literal["", "training", "inference"]

QUEUE_MARGIN = 600
"""Seconds that a job may wait for its instances beyond its own limit, before the state machine gives it
up."""


def _nothing(_stage: Any, _requests: Requests) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True)
class Kind:
    """`requests`: of a stage whose references are rendered. `timeout`: seconds until the state machine gives
    the stage up. `outputs`: name -> S3 URI, read from the finished requests, which the document may have
    changed. `main`: the operation that `request:` is merged into unless it names operations itself.
    `image`: what the stage's image is for. `points`: its result points at other stages' results and has no
    content of its own, so it runs whenever a stage that it waits for runs. `name`: of the job of a run,
    a stage and an attempt.
    """

    requests: Callable[[Any, Setting], Requests]
    timeout: Callable[[Any, Requests], int]
    outputs: Callable[[Any, Requests], Mapping[str, str]] = _nothing
    main: str = ""
    image: Image = ""
    points: bool = False
    name: Callable[[str, str, int], str] = job_name


def job_timeout(operation: str) -> Callable[[Any, Requests], int]:
    """Of a job with a stopping condition: its limit, waiting for a Spot instance included."""

    def timeout(_stage: Any, requests: Requests) -> int:
        return int(max(requests[operation]["StoppingCondition"].values())) + QUEUE_MARGIN

    return timeout
