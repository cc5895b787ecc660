"""The most that a plan can use: every job until its time limit, every attempt of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from stagewright.document.budget import Budget
from stagewright.errors import Problem
from stagewright.stages.base.usage import Use


def hours_by_type(found: Iterable[Use]) -> dict[str, float]:
    """Instance type -> instance-hours at most, of what ends by itself."""
    total: Counter[str] = Counter()
    for use in found:
        total[use.instance_type] += use.hours or 0  # type: ignore[assignment]
    return {name: float(hours) for name, hours in sorted(total.items()) if hours}


def money(found: Iterable[Use], prices: Mapping[str, float]) -> float:
    """Of the instance-hours, at `prices` per instance type; KeyError for a type without a price."""
    return sum(hours * prices[name] for name, hours in hours_by_type(found).items())


def over(budget: Budget, stages: Sequence[tuple[str, tuple[Use, ...]]]) -> Iterator[Problem]:
    """What the budget forbids. `stages`: name and uses of every stage that runs."""
    found = [use for _, uses in stages for use in uses]
    hours = sum(hours_by_type(found).values())
    if budget.instance_hours is not None and hours > budget.instance_hours:
        message = f"the run may take {hours:,.2f} instance-hours, and {budget.instance_hours:,} are allowed"
        yield Problem("budget.instance_hours", f"{message}: {_shares(stages)}", _REMEDY)
    if budget.money is None:
        return
    if missing := hours_by_type(found).keys() - budget.prices.keys():
        yield Problem(
            "budget.prices", f"no price of {', '.join(sorted(missing))}", "add it, per instance-hour"
        )
    elif (cost := money(found, budget.prices)) > budget.money:
        message = f"the run may cost {cost:,.2f}, and {budget.money:,} are allowed"
        yield Problem("budget.money", f"{message}: {_shares(stages)}", _REMEDY)


_REMEDY = "lower max_runtime_seconds, instances or max_jobs, or raise the budget"


def _shares(stages: Sequence[tuple[str, tuple[Use, ...]]]) -> str:
    """The stages that take most, as a person reads them."""
    taken = {name: sum(hours_by_type(found).values()) for name, found in stages}
    most = sorted((item for item in taken.items() if item[1]), key=lambda item: -item[1])
    return ", ".join(f"{name} {hours:,.2f} h" for name, hours in most[:5])
