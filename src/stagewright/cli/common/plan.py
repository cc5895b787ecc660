"""Plan a run from the command line, and print the plan."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from stagewright.cli.common import output
from stagewright.naming import timestamp

if TYPE_CHECKING:
    from stagewright.cli.common.source import Source
    from stagewright.cli.common.target import Session
    from stagewright.document.layers import Effective
    from stagewright.planner.cost import Cost
    from stagewright.planner.model import Plan, Trigger
    from stagewright.planner.release import Release
    from stagewright.planner.selection import Selection
    from stagewright.syntax.fields import Scalar


def plan_run(
    session: Session,
    release: Release,
    document: Effective,
    trigger: Trigger,
    force: bool = False,
    folder: Path | None = None,
) -> Plan:
    """Plan of a run that starts now. `folder`: of the document, whose repository has the prices.

    Without it, or without a file of prices there, the prices are those of the target.
    """
    from stagewright.cli.common import price_file
    from stagewright.runs import prices as price_store
    from stagewright.runs.plan_inputs.load import make_plan

    gateway = session.gateway
    own = price_file.of_repository(session, folder) if folder else None
    current, warnings = (own, ()) if own else price_store.read(gateway)
    settings = gateway.job_settings()
    plan = make_plan(gateway, document, trigger, release, 0, settings, force=force, prices=current)
    return replace(plan, warnings=(*plan.warnings, *warnings))


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


def print_plan(plan: Plan) -> None:
    costs = stage_costs(plan)
    header = ("stage", "kind", "action", *(["at most"] if costs else []), "why")
    rows = [(stage.name, stage.kind, stage.action, *([costs[stage.name]] if costs else []),
             stage.reason.removeprefix(f"{stage.name}: ")) for stage in plan.stages]  # fmt: skip
    output.table(header, rows)
    for warning in plan.warnings:
        output.note(f"warning: {warning}")
    for number, wave in enumerate(plan.waves, 1):
        output.print_line(f"wave {number}: " + " | ".join(" -> ".join(chain) for chain in wave))
    print_cost(plan)


def stage_costs(plan: Plan) -> dict[str, str]:
    """Stage -> the most that it costs. Empty: there are no prices."""
    from stagewright.planner.cost import cost_of

    if not plan.currency:
        return {}
    return {stage.name: format_cost(cost_of(stage.uses), plan.currency) for stage in plan.stages}


def format_cost(cost: Cost, currency: str) -> str:
    """`4.10 USD, then 0.26 USD an hour`. Names the instance types without a price."""
    parts = [output.format_money(cost.most, currency)] if cost.most else []
    if cost.hourly:
        parts.append(f"{'then ' if parts else ''}{output.format_money(cost.hourly, currency)} an hour")
    if cost.unpriced:
        parts.append(f"no price for {', '.join(cost.unpriced)}")
    return ", ".join(parts)


def print_cost(plan: Plan) -> None:
    """Print the maximum instance-hours and cost of the run, and the instances that stay after it."""
    from stagewright.planner.cost import cost_of, hours_by_type

    uses = [use for stage in plan.stages for use in stage.uses]
    if hours := hours_by_type(uses):
        by_type = ", ".join(f"{name} {amount:,.2f}" for name, amount in hours.items())
        output.print_line(f"at most {sum(hours.values()):,.2f} instance-hours ({by_type})")
    if plan.currency and uses:
        basis = f"prices of {plan.prices_of}" if plan.prices_of else "the document's prices"
        output.print_line(f"at most {format_cost(cost_of(uses), plan.currency)} ({basis})")
    for use in uses:
        if use.hours is None:
            output.print_line(f"until it is removed: {use.instances} x {use.instance_type} ({use.purpose})")
