"""The checks of a stage's requests: what AWS, Step Functions or the installation would reject."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from sagemaker_rules.table import violations
from stagewright.catalog import request_contract, step_functions_fields
from stagewright.errors import PlanError, Problem
from stagewright.planner import output_locations, rendering_limits
from stagewright.planner.model import Recorded, StagePlan
from stagewright.stages.base import job_settings
from stagewright.stages.registry import KINDS, AnyStage


def check(stage: AnyStage, planned: StagePlan, tokens: re.Pattern[str], recorded: Recorded) -> None:
    """Raise PlanError for requests that would be rejected.

    Whether the requests fit together, and where they write, is checked once each of them is valid. `tokens`
    matches the tokens in the requests.
    """
    path = f"stages.{planned.name}"
    problems = [_within(f"{path}: ", problem) for problem in _invalid(planned, tokens, recorded)]
    problems = problems or [_within(f"{path}.", problem) for problem in _misfits(stage, planned, recorded)]
    if problems:
        raise PlanError(tuple(problems))


def _within(prefix: str, problem: Problem) -> Problem:
    return replace(problem, path=prefix + problem.path)


def _invalid(planned: StagePlan, tokens: re.Pattern[str], recorded: Recorded) -> Iterator[Problem]:
    """Yield the problems of each request by itself."""
    machine_inputs = KINDS[planned.kind].request.machine_inputs
    for operation, request in planned.requests.items():
        yield from rendering_limits.problems(operation, request)
        if operation not in machine_inputs:
            yield from request_contract.check(operation, request, tokens)
            yield from _violations(operation, request)
            if operation not in step_functions_fields.BY_SDK:
                yield from step_functions_fields.check(operation, request)
            for problem in job_settings.problems(operation, request, recorded.jobs):
                yield _within(f"{operation}.", problem)


def _violations(operation: str, request: Any) -> Iterator[Problem]:
    for violation in violations(operation, request):
        remedy = f"see {violation.rule.name} in docs/sagemaker-rules.md"
        yield Problem(f"{operation}.{violation.path}", violation.message, remedy)


def _misfits(stage: AnyStage, planned: StagePlan, recorded: Recorded) -> Iterator[Problem]:
    """Yield requests that do not fit together, and outputs that no role may write."""
    kind, requests = KINDS[stage.kind].request, dict(planned.requests)
    yield from kind.problems(requests)
    writes = kind.writes(stage, requests)
    folders = recorded.jobs.output_locations
    yield from output_locations.problems(writes, kind.writable, recorded.installation, folders)
