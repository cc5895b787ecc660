"""Four eyes: the person who pushed or started a run may not approve what it asks.

The setting of the installation counts when a run is planned. The plan, the run's header and its approvals
then name the people who may not approve, so that the write of a decision can check it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from stagewright.aws.registry import Package
from stagewright.errors import DeniedError
from stagewright.gateway import Gateway
from stagewright.naming import person
from stagewright.planner.model import Plan, Trigger
from stagewright.store.approvals import barred_mark
from stagewright.store.run_items import Header

REMEDY = "another person must approve (the installation requires four eyes)"


def bar(gateway: Gateway, plan: Plan, pushed_by: Iterable[str]) -> Plan:
    """Add to a plan who may not approve. `pushed_by`: who pushed and who promoted the release."""
    trigger = plan.trigger
    people = {*pushed_by, "" if trigger.continues else trigger.by}
    barred = _joined({*map(person, filter(None, people)), *_barred_before(gateway, trigger)})
    if not barred:
        return plan
    asking = {
        stage.name: {**stage.requests, "Approval": {**stage.requests["Approval"], "barred": barred}}
        for stage in plan.stages
        if "Approval" in stage.requests
    }
    stages = tuple(
        replace(stage, requests=asking[stage.name]) if stage.name in asking else stage
        for stage in plan.stages
    )
    return replace(plan, stages=stages, barred=barred)


def require_other(barred: str, by: str, subject: str) -> None:
    """Raise DeniedError if `by` may not approve. An unknown person may not either."""
    if barred and not by:
        raise DeniedError(f"it is not known who approved {subject}", REMEDY)
    if barred_mark(by) in barred:
        raise DeniedError(f"{person(by)} pushed or started {subject}", REMEDY)


def objection(gateway: Gateway, package: Package, waiting: Iterable[Header] = ()) -> str:
    """Why the approval of a version does not count. Empty: it counts.

    SageMaker names who set the status. `waiting`: the runs that wait for the version.
    """
    try:
        require_other_for(gateway, package, package.changed_by, waiting)
    except DeniedError as error:
        return f"{error.message}: {error.remedy}"
    return ""


def require_other_for(gateway: Gateway, package: Package, by: str, waiting: Iterable[Header] = ()) -> None:
    """Raise DeniedError if `by` pushed or started the run that registered the version, or a waiting one."""
    run = package.metadata.get("stagewright:run", "")
    registering = gateway.runs.header(run) if run else None
    for header in (registering, *waiting):
        if header:
            require_other(
                header.barred, by, f"version {package.version}, or {header.run}, which waits for it"
            )


def _barred_before(gateway: Gateway, trigger: Trigger) -> set[str]:
    """Who may not approve in the runs that this one resumes or continues."""
    headers = [gateway.runs.header(run) for run in (trigger.resumes, trigger.continues) if run]
    return {name for header in headers if header for name in header.barred.split(",") if name}


def _joined(people: Iterable[str]) -> str:
    """`,ann,bob,`, so that a condition of DynamoDB can find one name. Empty without people."""
    return f",{','.join(sorted(people))}," if people else ""
