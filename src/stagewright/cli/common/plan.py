"""Plan a run from the command line, and print the plan."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from stagewright.cli.common import output
from stagewright.naming import timestamp

if TYPE_CHECKING:
    from stagewright.cli.common.source import Source
    from stagewright.cli.common.target import Session
    from stagewright.document.budget import Budget
    from stagewright.document.layers import Effective
    from stagewright.planner.model import Plan, Trigger
    from stagewright.planner.release import Release
    from stagewright.planner.selection import Selection
    from stagewright.stages.base.usage import Use
    from stagewright.syntax.fields import Scalar


def plan_run(
    session: Session, release: Release, document: Effective, trigger: Trigger, force: bool = False
) -> Plan:
    """Plan of a run that starts now."""
    from stagewright.runs.plan_inputs.load import make_plan

    gateway = session.gateway
    return make_plan(gateway, document, trigger, release, 0, gateway.job_settings(), force=force)


def manual_trigger(parameters: Mapping[str, Scalar], selection: Selection, date: str = "") -> Trigger:
    from stagewright.cli.common.launch import user
    from stagewright.planner.model import Trigger

    key, now = f"manual:{uuid.uuid4()}", timestamp(datetime.now(UTC))
    return Trigger("manual", key, now, user(), parameters, date=date, **vars(selection))


def release_of(source: Source) -> Release:
    """Release that a push of these files would create. Its object versions are not known yet."""
    from stagewright.planner.release import CodeFile, Release

    files = {
        path: CodeFile(hashlib.sha256(body).hexdigest(), size=len(body))
        for path, body in source.files.items()
    }
    return Release(source.pipeline.name, files)


def print_plan(plan: Plan, budget: Budget | None) -> None:
    rows = [(stage.name, stage.kind, stage.action, stage.reason.removeprefix(f"{stage.name}: "))
            for stage in plan.stages]  # fmt: skip
    output.table(("stage", "kind", "action", "why"), rows)
    for warning in plan.warnings:
        output.note(f"warning: {warning}")
    for number, wave in enumerate(plan.waves, 1):
        output.print_line(f"wave {number}: " + " | ".join(" -> ".join(chain) for chain in wave))
    print_cost([use for stage in plan.stages for use in stage.uses], budget.prices if budget else {})


def print_cost(uses: Sequence[Use], prices: Mapping[str, float]) -> None:
    """Print the maximum instance-hours of the run, and the instances that stay after it."""
    from stagewright.planner.cost import hours_by_type, money

    hours = hours_by_type(uses)
    if hours:
        by_type = ", ".join(f"{name} {amount:,.2f}" for name, amount in hours.items())
        priced = (
            f", {money(uses, prices):,.2f} at the document's prices" if hours.keys() <= prices.keys() else ""
        )
        output.print_line(f"at most {sum(hours.values()):,.2f} instance-hours ({by_type}){priced}")
    for use in uses:
        if use.hours is None:
            output.print_line(f"until it is removed: {use.instances} x {use.instance_type} ({use.purpose})")
