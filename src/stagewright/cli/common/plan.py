"""Print a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stagewright.api import instances, tables
from stagewright.cli.common import output

if TYPE_CHECKING:
    from stagewright.planner.model import Plan


def print_plan(plan: Plan, every: bool = False) -> None:
    """Print a plan. `every`: a row for each instance of a list."""
    output.table(*tables.plan_table(plan, every))
    for warning in plan.warnings:
        output.note(f"warning: {warning}")
    for line in instances.wave_lines(plan):
        output.print_line(line)
    output.print_line(tables.plan_summary(plan))
    print_cost(plan)


def print_cost(plan: Plan) -> None:
    """Print the maximum instance-hours and cost of the run, and the instances that stay after it."""
    from stagewright.planner.cost import cost_of, hours_by_type

    uses = [use for stage in plan.stages for use in stage.uses]
    if hours := hours_by_type(uses):
        by_type = ", ".join(f"{name} {amount:,.2f}" for name, amount in hours.items())
        output.print_line(f"at most {sum(hours.values()):,.2f} instance-hours ({by_type})")
    if plan.currency and uses:
        basis = f"prices of {plan.prices_of}" if plan.prices_of else "the document's prices"
        output.print_line(f"at most {tables.format_cost(cost_of(uses), plan.currency)} ({basis})")
    for use in uses:
        if use.hours is None:
            output.print_line(
                f"after the run, until you delete it: {use.instances} x {use.instance_type} ({use.purpose})"
            )
