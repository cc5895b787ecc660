"""The most that a plan uses and costs: each attempt of each job lasts until its time limit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_UP, Decimal

from stagewright.catalog.prices import OLD, REMEDY, Prices
from stagewright.document.budget import Budget
from stagewright.errors import Problem
from stagewright.planner.model import Plan, Recorded, StagePlan
from stagewright.stages.base.usage import Use

LOWER = "lower max_runtime_seconds, instances or max_jobs, or raise the budget"
CENT = Decimal("0.0001")
"""Smallest amount that is recorded and shown."""


@dataclass(frozen=True)
class Cost:
    """The most that uses cost. Amounts are decimal.

    most      until they end; an endpoint that expires is held until then
    hourly    of what serves until it is removed
    unpriced  the instance types without a price, which the amounts leave out
    """

    most: Decimal
    hourly: Decimal
    unpriced: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        return {"most": str(self.most), "hourly": str(self.hourly), "unpriced": list(self.unpriced)}


def cost_of(uses: Iterable[Use]) -> Cost:
    """Return the cost of uses. What has no price is named, never counted as free."""
    most = hourly = Decimal(0)
    unpriced: dict[str, None] = {}
    for use in uses:
        if not use.price:
            unpriced[use.instance_type] = None
        elif use.hours is None:
            hourly += use.instances * Decimal(use.price)
        else:
            most += Decimal(str(use.hours)) * Decimal(use.price)
    return Cost(amount(most), amount(hourly), tuple(sorted(unpriced)))


def amount(value: Decimal) -> Decimal:
    """Round an amount of money up to `CENT`."""
    return value.quantize(CENT, ROUND_UP)


def priced(
    stages: Mapping[str, StagePlan], budget: Budget | None, prices: Prices | None
) -> dict[str, StagePlan]:
    """Return the stages with the price of each use. A price of the document replaces that of `prices`."""
    return {
        name: replace(stage, uses=tuple(_priced(use, budget, prices) for use in stage.uses))
        for name, stage in stages.items()
    }


def _priced(use: Use, budget: Budget | None, prices: Prices | None) -> Use:
    own = budget.prices.get(use.instance_type) if budget else None
    if own is not None:
        return replace(use, price=str(own))
    price = prices.hourly(use.purpose, use.instance_type, use.volume) if prices else None
    return use if price is None else replace(use, price=f"{price.normalize():f}")


def currency(budget: Budget | None, recorded: Recorded) -> str:
    """Return the currency of the plan's prices: the one that AWS uses in the region. Empty: no prices."""
    if recorded.prices:
        return recorded.prices.currency
    of_region = "CNY" if recorded.installation.region.startswith("cn-") else "USD"
    return of_region if budget and budget.prices else ""


def old_prices(prices: Prices, today: date) -> Iterator[str]:
    """Yield a warning if the prices are older than 90 days."""
    if (age := prices.age(today)) > OLD:
        yield f"the prices of {prices.region} are {age} days old, of {prices.date}; next: {REMEDY}"


def plan_json(plan: Plan) -> dict[str, object]:
    """Return a plan as JSON, with its cost and that of each stage. `cost` is null without prices."""
    costs = [cost_of(stage.uses).to_json() if plan.currency else None for stage in plan.stages]
    whole = cost_of(use for stage in plan.stages for use in stage.uses)
    basis = {"currency": plan.currency, "prices_of": plan.prices_of}
    content = plan.to_json()
    return {
        **content,
        "stages": [{**stage, "cost": cost} for stage, cost in zip(content["stages"], costs, strict=True)],
        "cost": {**whole.to_json(), **basis} if plan.currency else None,
    }


def hours_by_type(uses: Iterable[Use]) -> dict[str, float]:
    """Return instance type -> maximum instance-hours, without endpoints that never expire."""
    total: Counter[str] = Counter()
    for use in uses:
        total[use.instance_type] += use.hours or 0  # type: ignore[assignment]
    return {name: float(hours) for name, hours in sorted(total.items()) if hours}


def over_budget(budget: Budget | None, stages: Collection[StagePlan]) -> Iterator[Problem]:
    """Yield the limits of the budget that the stages exceed."""
    if budget is None:
        return
    uses = [use for stage in stages for use in stage.uses if use.hours is not None]
    hours = sum(hours_by_type(uses).values())
    if budget.instance_hours is not None and hours > budget.instance_hours:
        message = f"the run may use {hours:,.2f} instance-hours; the budget is {budget.instance_hours:,}"
        yield Problem("budget.instance_hours", f"{message} ({_largest(stages)})", LOWER)
    if budget.money is None:
        return
    cost = cost_of(uses)
    if cost.unpriced:
        message = f"no price for {', '.join(cost.unpriced)}"
        yield Problem("budget.money", message, f"{REMEDY}, or set budget.prices")
    elif cost.most > Decimal(str(budget.money)):
        message = f"the run may cost {cost.most:,.2f}; the budget is {budget.money:,}"
        yield Problem("budget.money", f"{message} ({_largest(stages)})", LOWER)


def _largest(stages: Iterable[StagePlan]) -> str:
    """Return the five stages with the most instance-hours, as text."""
    hours = {stage.name: sum(hours_by_type(stage.uses).values()) for stage in stages}
    largest = sorted((item for item in hours.items() if item[1]), key=lambda item: -item[1])
    return ", ".join(f"{name} {amount:,.2f} h" for name, amount in largest[:5])
