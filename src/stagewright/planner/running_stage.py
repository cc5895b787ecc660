"""The plan of a stage that runs."""

from __future__ import annotations

from typing import Any

from stagewright.naming import ATTEMPT
from stagewright.planner import gathering, request_checks
from stagewright.planner.model import StagePlan
from stagewright.planner.resolved_stage import ResolvedStage
from stagewright.planner.stage_resolver import StageResolver
from stagewright.stages.base.schema import MOST_ATTEMPTS
from stagewright.stages.registry import KINDS, AnyStage
from stagewright.syntax.durations import seconds


def running_stage(name: str, reason: str, resolved: ResolvedStage, resolver: StageResolver) -> StagePlan:
    """Return the plan. Raises PlanError if a value is missing, or if a request would be rejected."""
    stage = resolver.pipeline.stages[name]
    kind = KINDS[stage.kind].request
    job = _job_name(stage, name, resolver.run)
    attempts = stage.retry.attempts if stage.retry else 1
    built = resolver.build(name, job, resolved.bundle)
    planned = StagePlan(
        name,
        stage.kind,
        "run",
        reason,
        fingerprint=resolved.fingerprint,
        inputs=resolved.inputs,
        job=job,
        timeout=built.timeout,
        requests=built.requests,
        bindings=built.bindings,
        outputs=built.outputs,
        metrics=built.metrics,
        bundle=resolved.bundle,
        copies=gathering.copies(stage, resolver.values, resolver.stages),
        uses=tuple(kind.uses(built.requests, built.timeout, attempts)),
        **_flow_fields(stage),
    )
    request_checks.check(stage, planned, built.tokens, resolver.recorded)
    return planned


def _job_name(stage: AnyStage, name: str, run: str) -> str:
    """Return the job's name. With retries, `ATTEMPT` stands for the number of the attempt."""
    name_job = KINDS[stage.kind].request.job_name
    if not stage.retry:
        return name_job(run, name, 1)
    last = name_job(run, name, MOST_ATTEMPTS)  # the longest name decides where it is cut
    return last.removesuffix(str(MOST_ATTEMPTS)) + ATTEMPT


def _flow_fields(stage: AnyStage) -> dict[str, Any]:
    """Return what the state machine does when the stage's condition is false, or an attempt fails."""
    fields: dict[str, Any] = {}
    if stage.else_action != "fail":
        fields["otherwise"] = stage.else_action
    if stage.retry:
        fields |= {"attempts": stage.retry.attempts, "wait": seconds(stage.retry.wait)}
    return fields
