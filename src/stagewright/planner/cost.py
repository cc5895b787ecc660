"""The maximum use of a plan: each attempt of each job lasts until its time limit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping

from stagewright.document.budget import Budget
from stagewright.errors import Problem
from stagewright.planner.model import StagePlan
from stagewright.stages.base.usage import Use

REMEDY = "lower max_runtime_seconds, instances or max_jobs, or raise the budget"


def hours_by_type(uses: Iterable[Use]) -> dict[str, float]:
    """Return instance type -> maximum instance-hours, without endpoints, which have no end."""
    total: Counter[str] = Counter()
    for use in uses:
        total[use.instance_type] += use.hours or 0  # type: ignore[assignment]
    return {name: float(hours) for name, hours in sorted(total.items()) if hours}


def money(uses: Iterable[Use], prices: Mapping[str, float]) -> float:
    """Return the cost of the instance-hours. `prices`: instance type -> price of an instance-hour.

    Raises KeyError for a type without a price.
    """
    return sum(hours * prices[name] for name, hours in hours_by_type(uses).items())


def over_budget(budget: Budget | None, stages: Collection[StagePlan]) -> Iterator[Problem]:
    """Yield the limits of the budget that the stages exceed."""
    if budget is None:
        return
    uses = [use for stage in stages for use in stage.uses]
    hours = sum(hours_by_type(uses).values())
    if budget.instance_hours is not None and hours > budget.instance_hours:
        message = f"the run may use {hours:,.2f} instance-hours; the budget is {budget.instance_hours:,}"
        yield Problem("budget.instance_hours", f"{message} ({_largest(stages)})", REMEDY)
    if budget.money is None:
        return
    if missing := hours_by_type(uses).keys() - budget.prices.keys():
        message = f"no price for {', '.join(sorted(missing))}"
        yield Problem("budget.prices", message, "add the price of an instance-hour")
    elif (cost := money(uses, budget.prices)) > budget.money:
        message = f"the run may cost {cost:,.2f}; the budget is {budget.money:,}"
        yield Problem("budget.money", f"{message} ({_largest(stages)})", REMEDY)


def _largest(stages: Iterable[StagePlan]) -> str:
    """Return the five stages with the most instance-hours, as text."""
    hours = {stage.name: sum(hours_by_type(stage.uses).values()) for stage in stages}
    largest = sorted((item for item in hours.items() if item[1]), key=lambda item: -item[1])
    return ", ".join(f"{name} {amount:,.2f} h" for name, amount in largest[:5])
