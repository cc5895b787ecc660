"""Approvals: what waits for a person, and what the person decides.

A decision is made once, by one conditional write; whatever has to follow (the package's status in the
registry, the waiting task) is done after it, and by the sweeper where it finds it still undone after a while.
Not by the next one who decides: the one before may be about to.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from stagewright.errors import NotFoundError
from stagewright.gateway import Gateway
from stagewright.naming import timestamp
from stagewright.parallel import run_parallel
from stagewright.store.approvals import Approval
from stagewright.store.runs import WAITING
from stagewright.syntax.findings import nearest

OPEN_LIMIT = 1_000
"""Open runs looked at, oldest first."""
WHY_LIMIT = 1_000
"""Characters of a reason: with the name of its author it fits into the registry's description."""
REJECTED = "Stagewright.Rejected"
REGISTRY = "the model registry"
DECISIONS = {"Approved": True, "Rejected": False}
"""Of a model package's approval status -> whether that approves."""


def waiting(gateway: Gateway, pipeline: str | None = None) -> list[Approval]:
    """What waits for a person's decision, oldest first; of one pipeline, or of all."""
    headers = gateway.runs.open_runs(OPEN_LIMIT)
    runs = [each.run for each in headers if pipeline in (None, each.pipeline)]
    found = [each for approvals in run_parallel(gateway.approvals.of_run, runs) for each in approvals]
    return sorted((each for each in found if _waits(each)), key=lambda each: each.since)


def decide(gateway: Gateway, run: str, stage: str, *, approved: bool, by: str, why: str) -> Approval:
    """The approval as it was decided. NotFoundError where there is none, or it does not wait any more."""
    found = find(gateway, run, stage)
    decision: Literal["approved", "rejected"] = "approved" if approved else "rejected"
    at = timestamp(datetime.now(UTC))
    if not gateway.approvals.decide(found, decision, by, why, at):
        ended = _ended(find(gateway, run, stage))
        raise NotFoundError(f"{stage} of {run} {ended}", f"look at it: stagewright show {run}")
    decided = find(gateway, run, stage)
    if not carry_out(gateway, decided) and not _is_carried_out(find(gateway, run, stage)):
        raise NotFoundError(
            f"{stage} of {run} does not wait any more: the decision came too late, and is recorded",
            f"look at it: stagewright show {run}",
        )
    return decided


def find(gateway: Gateway, run: str, stage: str) -> Approval:
    """NotFoundError where nobody was asked in such a stage."""
    asked = {approval.stage: approval for approval in gateway.approvals.of_run(run)}
    if stage in asked:
        return asked[stage]
    remedy = nearest(stage, asked, "asked have") or "list them: stagewright approvals"
    raise NotFoundError(f"{stage} of {run} has not asked for approval", remedy)


def decide_by_registry(gateway: Gateway, package: str, status: str, by: str = "") -> list[Approval]:
    """Decides what waits for this model package as the registry has decided on it; what was decided."""
    if status not in DECISIONS:
        return []
    return [
        each
        for approval in waiting(gateway)
        if approval.package == package and (each := _by_registry(gateway, approval, status, by))
    ]


def carry_out_missed(gateway: Gateway, run: str, before: str) -> list[Approval]:
    """Does for an open run what was left undone: a decision made `before` that time which its stage was not
    told of, a status in the registry whose event was lost. What was done."""
    done: list[Approval] = []
    for approval in gateway.approvals.of_run(run):
        if approval.status != WAITING:
            continue
        if approval.decision:
            done += [approval] if approval.at <= before and carry_out(gateway, approval) else []
        elif approval.package and (package := gateway.registry.package(approval.package)):
            decided = _by_registry(gateway, approval, package.approval)
            done += [decided] if decided else []
    return done


def carry_out(gateway: Gateway, approval: Approval) -> bool:
    """Carries a decision out: the registry first, since what comes next may need the package approved. False
    where the stage does not wait any more."""
    approved = approval.decision == "approved"
    if approval.package:
        status: Literal["Approved", "Rejected"] = "Approved" if approved else "Rejected"
        gateway.registry.approve(approval.package, status, f"{approval.by}: {approval.why}")
    if approved:
        told = {"approved_by": approval.by, "why": approval.why, "at": approval.at}
        return gateway.executions.complete_task(approval.token, told)
    cause = f"rejected by {approval.by}: {approval.why}"
    return gateway.executions.fail_task(approval.token, REJECTED, cause)


def _waits(approval: Approval) -> bool:
    return approval.status == WAITING and not approval.decision


def _is_carried_out(approval: Approval) -> bool:
    """Whether the stage ended as was decided: the sweeper has told it."""
    return approval.error == REJECTED if approval.decision == "rejected" else approval.status == "SUCCEEDED"


def _by_registry(gateway: Gateway, approval: Approval, status: str, by: str = "") -> Approval | None:
    """None where the registry has not decided, or somebody else was first."""
    if status not in DECISIONS:
        return None
    package = gateway.registry.package(approval.package)
    author = by or (package.changed_by if package else "") or REGISTRY
    why = (package.why if package else "")[:WHY_LIMIT]
    try:
        return decide(gateway, approval.run, approval.stage, approved=DECISIONS[status], by=author, why=why)
    except NotFoundError:
        return None


def _ended(approval: Approval) -> str:
    """How it stands that it can no longer be decided."""
    if approval.decision:
        return f"was {approval.decision} by {approval.by} at {approval.at} already"
    if approval.until and approval.until <= timestamp(datetime.now(UTC)):
        return f"does not wait any more: its time was up at {approval.until}"
    return f"does not wait any more: it is {approval.status}"
