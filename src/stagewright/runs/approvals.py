"""Approvals: stages that wait for a person's decision.

A decision is recorded once, by one conditional write. Then it is carried out: the model package's status is
set, and the waiting task continues or fails. If that is not done, the sweeper does it after a while. A second
decision does not, because the first one may still be in progress.
"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import chain
from typing import Literal

from stagewright.errors import DeniedError, NotFoundError
from stagewright.gateway import Gateway
from stagewright.naming import epoch, timestamp
from stagewright.parallel import run_parallel
from stagewright.runs import four_eyes
from stagewright.store.approvals import Approval
from stagewright.store.run_items import WAITING
from stagewright.syntax.findings import nearest

OPEN_LIMIT = 1_000
"""Open runs that are searched for approvals, oldest first."""
WHY_LIMIT = 1_000
"""Characters of a reason. With its author's name it fits into the registry's description."""
REJECTED = "Stagewright.Rejected"
REGISTRY = "the model registry"
DECISIONS = {"Approved": True, "Rejected": False}
"""Approval status of a model package -> whether it approves the stage."""


def waiting(gateway: Gateway, pipeline: str | None = None) -> list[Approval]:
    """The approvals that wait for a decision, oldest first. `pipeline`: None for all pipelines."""
    headers = gateway.runs.open_runs(OPEN_LIMIT)
    runs = [header.run for header in headers if pipeline in (None, header.pipeline)]
    approvals = chain.from_iterable(run_parallel(gateway.approvals.of_run, runs))
    return sorted(filter(_waits, approvals), key=lambda approval: approval.since)


def decide(gateway: Gateway, run: str, stage: str, *, approved: bool, by: str, why: str) -> Approval:
    """Record a decision and carry it out. Returns the decided approval.

    NotFoundError: the stage has not asked for approval, or no longer waits. DeniedError: `by` may not
    approve.
    """
    approval = find(gateway, run, stage)
    if approved:
        four_eyes.require_other(approval.barred, by, f"{run}, which asks at {stage}")
    decision: Literal["approved", "rejected"] = "approved" if approved else "rejected"
    at = timestamp(datetime.now(UTC))
    if not gateway.approvals.decide(approval, decision, by, why, at):
        cause = _why_not_waiting(find(gateway, run, stage))
        raise NotFoundError(f"{stage} of {run} {cause}", f"look at it: stagewright show {run}")
    decided = find(gateway, run, stage)
    if not carry_out(gateway, decided) and not _is_carried_out(find(gateway, run, stage)):
        raise NotFoundError(
            f"{stage} of {run} no longer waits: the decision came too late, and is recorded",
            f"look at it: stagewright show {run}",
        )
    return decided


def find(gateway: Gateway, run: str, stage: str) -> Approval:
    """The approval of a stage. NotFoundError: the stage has not asked for approval."""
    approvals = {approval.stage: approval for approval in gateway.approvals.of_run(run)}
    if stage in approvals:
        return approvals[stage]
    remedy = nearest(stage, approvals, "asked have") or "list them: stagewright approvals"
    raise NotFoundError(f"{stage} of {run} has not asked for approval", remedy)


def decide_by_registry(gateway: Gateway, package: str, status: str, by: str = "") -> list[Approval]:
    """Decide the approvals that wait for a model package by its status in the registry. Returns them."""
    if status not in DECISIONS:
        return []
    return [
        decided
        for approval in waiting(gateway)
        if approval.package == package and (decided := _decide_by_registry(gateway, approval, status, by))
    ]


def carry_out_missed(gateway: Gateway, run: str, before: str) -> list[Approval]:
    """Carry out the missed decisions of an open run. Returns their approvals.

    Missed is a decision recorded up to `before` (ISO 8601) that the waiting task did not receive, or a status
    in the registry whose event was lost.
    """
    missed = (_carry_out_missed(gateway, item, before) for item in gateway.approvals.of_run(run))
    return [approval for approval in missed if approval]


def _carry_out_missed(gateway: Gateway, approval: Approval, before: str) -> Approval | None:
    if approval.status != WAITING:
        return None
    if approval.decision:
        return approval if approval.at <= before and carry_out(gateway, approval) else None
    package = gateway.registry.package(approval.package) if approval.package else None
    return _decide_by_registry(gateway, approval, package.approval) if package else None


def carry_out(gateway: Gateway, approval: Approval) -> bool:
    """Set the model package's status, then continue or fail the waiting task. False: it no longer waits.

    The registry comes first, because the next stages can need an approved package.
    """
    approved = approval.decision == "approved"
    if approval.package:
        status: Literal["Approved", "Rejected"] = "Approved" if approved else "Rejected"
        gateway.registry.approve(approval.package, status, f"{approval.by}: {approval.why}")
    if approved:
        result = {"approved_by": approval.by, "why": approval.why, "at": approval.at}
        return gateway.executions.complete_task(approval.token, result)
    cause = f"rejected by {approval.by}: {approval.why}"
    return gateway.executions.fail_task(approval.token, REJECTED, cause)


def _waits(approval: Approval) -> bool:
    return approval.status == WAITING and not approval.decision


def _is_carried_out(approval: Approval) -> bool:
    """Whether the stage ended as decided, because the sweeper carried the decision out."""
    return approval.error == REJECTED if approval.decision == "rejected" else approval.status == "SUCCEEDED"


def _decide_by_registry(gateway: Gateway, approval: Approval, status: str, by: str = "") -> Approval | None:
    """None: the status is not an answer to the question, or the approval is decided already.

    A status from before the question is none: the run registered the version with it, or it answered the
    question of an earlier run.
    """
    package = gateway.registry.package(approval.package)
    if status not in DECISIONS or package is None or package.modified < epoch(approval.since):
        return None
    author = by or package.changed_by
    if not approval.barred:
        author = author or REGISTRY
    why = package.why[:WHY_LIMIT]
    try:
        return decide(gateway, approval.run, approval.stage, approved=DECISIONS[status], by=author, why=why)
    except (NotFoundError, DeniedError):
        return None


def _why_not_waiting(approval: Approval) -> str:
    """Why an approval cannot be decided, as the predicate of a sentence."""
    if approval.decision:
        return f"was already {approval.decision} by {approval.by} at {approval.at}"
    if approval.until and approval.until <= timestamp(datetime.now(UTC)):
        return f"no longer waits: its timeout ended at {approval.until}"
    return f"no longer waits: it is {approval.status}"
