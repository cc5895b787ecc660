"""What an installation costs while nothing runs, from its own list of resources.

The schedules invoke functions, Lambda polls the queue, and CloudWatch bills alarms, metrics and the
dashboard. Everything else costs nothing until it is used. AWS's free tier is not deducted, and storage is
small until pipelines run: neither is part of the numbers.

Sources: "Using Lambda with Amazon SQS" (five pollers, long polls of 20 seconds); the pricing pages of the
services: events of AWS services, roles, topics, rules, Glue jobs and layers are free, metrics and alarms are
billed by month.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from stagewright.catalog.prices import Prices

MONTH_HOURS = 730
POLLS = 5 * 3600 // 20
"""Receive requests of an idle event source per hour."""
MINUTES = {"minute": 1, "minutes": 1, "hour": 60, "hours": 60, "day": 1440, "days": 1440}
FREE = frozenset(
    [
        "format",
        "bucket",
        "topics",
        "glue_jobs",
        "state_machine",
        "roles",
        "role_options",
        "managed_options",
        "layers",
        "queues",
    ]
)
"""Kinds of resources that cost nothing while nothing runs."""


@dataclass(frozen=True)
class Work:
    """What one event of a schedule does in an idle installation, at most.

    tests/functions/test_idle.py counts the calls. `seconds` of the function and `log_bytes` are assumptions.
    """

    seconds: Decimal
    reads: int
    writes: int
    listings: int
    log_bytes: int = 2_000


WORK = {
    "tick": Work(Decimal("0.3"), reads=3, writes=1, listings=0),
    "sweep": Work(Decimal(2), reads=8, writes=0, listings=2),
}
"""Key of the rule -> what its event does."""


@dataclass(frozen=True)
class Item:
    """A line of the estimate. `quantity`: per month, in `unit`. `cost` is None without a price."""

    what: str
    quantity: Decimal
    unit: str
    cost: Decimal | None


def idle_cost(resources: Mapping[str, Any], prices: Prices) -> list[Item]:
    """Return what an installation with these resources costs a month. `resources`: as `resources()`."""
    return [
        Item(what, quantity, unit, prices.units[unit] * quantity if unit in prices.units else None)
        for what, quantity, unit in _quantities(resources)
        if quantity
    ]


_Quantity = tuple[str, Decimal, str]


def _quantities(resources: Mapping[str, Any]) -> Iterator[_Quantity]:
    yield "alarms", Decimal(len(resources["alarms"])), "alarm-month"
    yield "log metrics", Decimal(len(resources["log_metrics"])), "metric-month"
    yield "dashboard", Decimal(1 if resources["dashboard"] else 0), "dashboard-month"
    polls = Decimal(len(resources["event_sources"]) * POLLS * MONTH_HOURS)
    yield "polls of the queue", polls, "sqs request"
    for key, rule in resources["rules"].items():
        if rule["schedule"]:
            yield from _schedule(key, rule, resources)


def _schedule(key: str, rule: Mapping[str, Any], resources: Mapping[str, Any]) -> Iterator[_Quantity]:
    """Yield what the events of a schedule use. An event to the queue reaches the function that reads it."""
    events, work, target = _events(rule["schedule"]), WORK[key], rule["target"]
    name = target["name"]
    if target["kind"] == "queue":
        name = resources["event_sources"][name]["function"]
        yield f"{key}: messages", 3 * events, "sqs request"  # send, receive, delete
    memory = Decimal(resources["functions"][name]["memory"]) / 1024
    yield f"{key}: {name}", events, "lambda request"
    yield f"{key}: {name}", events * work.seconds * memory, "lambda GB-second"
    yield f"{key}: tables", events * work.reads, "dynamodb read"
    yield f"{key}: tables", events * work.writes, "dynamodb write"
    yield f"{key}: bucket", events * work.listings, "s3 write"
    yield f"{key}: log", events * work.log_bytes / 2**30, "log GB"


def _events(schedule: str) -> Decimal:
    """Return the events of `rate(5 minutes)` in a month."""
    number, unit = schedule.removeprefix("rate(").removesuffix(")").split()
    return Decimal(MONTH_HOURS * 60) / (int(number) * MINUTES[unit])
