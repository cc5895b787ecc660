"""Print a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stagewright.cli.common import output

if TYPE_CHECKING:
    from stagewright.planner.cost import Cost
    from stagewright.planner.model import Plan


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
