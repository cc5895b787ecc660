"""The meaning of a DeploymentConfig: the steps that move traffic to a new fleet, and the alarms that undo
them.

See "Deployment guardrails for updating models in production" (developer guide).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sagemaker_local.api.protocol import invalid

POLICY, ROLLING = "BlueGreenUpdatePolicy", "RollingUpdatePolicy"
SIZES = {"CANARY": "CanarySize", "LINEAR": "LinearStepSize"}
HALF = 50
LIMITS = {
    "CanarySize": (0, HALF),
    "LinearStepSize": (10, HALF),
    "MaximumBatchSize": (5, HALF),
    "RollbackMaximumBatchSize": (5, 100),
}
"""Percent of the variant's instances (TrafficRoutingConfig and RollingUpdatePolicy, API reference)."""


@dataclass(frozen=True)
class Step:
    """Move this share of the traffic to the new fleet, then watch the alarms for `wait` seconds."""

    share: float
    wait: int
    reason: str
    """The field that the wait comes from, for status messages."""
    capacity: str
    """The name of the share in status messages: canary, linear, batch or full."""


@dataclass(frozen=True)
class Deployment:
    steps: tuple[Step, ...] = (Step(1.0, 0, "TerminationWaitInSeconds", "full"),)
    alarms: tuple[str, ...] = ()
    timeout: int | None = None


def deployment(config: dict[str, Any], instances: int) -> Deployment:
    """Parse a DeploymentConfig. ValidationException if it is contradictory or does not fit the instance
    count."""
    if POLICY in config and ROLLING in config:
        raise invalid(f"Only one update policy can be used: {POLICY} or {ROLLING}.")
    policy: dict[str, Any] = config.get(POLICY) or config.get(ROLLING) or {}
    if ROLLING in config:
        steps = _rolling(policy, instances)
    elif POLICY in config:
        steps = _blue_green(policy, instances)
    else:
        steps = Deployment().steps
    timeout = policy.get("MaximumExecutionTimeoutInSeconds")
    waits = sum(step.wait for step in steps)
    if timeout is not None and waits >= timeout:
        raise invalid(
            f"MaximumExecutionTimeoutInSeconds ({timeout}) must be larger than the sum of all waits"
            f" ({waits})."
        )
    alarms = config.get("AutoRollbackConfiguration", {}).get("Alarms", [])
    return Deployment(steps, tuple(alarm["AlarmName"] for alarm in alarms if "AlarmName" in alarm), timeout)


def activated(share: float, instances: int) -> int:
    """The number of instances of a share, rounded up."""
    return math.ceil(round(share * instances, 9))


def _blue_green(policy: dict[str, Any], instances: int) -> tuple[Step, ...]:
    routing = policy["TrafficRoutingConfiguration"]
    kind, wait = routing["Type"], routing["WaitIntervalInSeconds"]
    for other, member in SIZES.items():
        if (member in routing) != (other == kind):
            raise invalid(f"{member} belongs to the traffic routing type {other}; the type is {kind}.")
    last = Step(1.0, policy.get("TerminationWaitInSeconds", 0), "TerminationWaitInSeconds", "full")
    if kind == "ALL_AT_ONCE":
        return (last,)
    share = _share(routing, SIZES[kind], instances)
    shares = [share] if kind == "CANARY" else _shares(share)
    return (*(Step(share, wait, "WaitIntervalInSeconds", kind.lower()) for share in shares), last)


def _rolling(policy: dict[str, Any], instances: int) -> tuple[Step, ...]:
    share = _share(policy, "MaximumBatchSize", instances)
    if "RollbackMaximumBatchSize" in policy:
        _share(policy, "RollbackMaximumBatchSize", instances)
    wait = policy["WaitIntervalInSeconds"]
    shares = [*_shares(share), 1.0]
    return tuple(
        Step(share, wait, "WaitIntervalInSeconds", "full" if share == 1.0 else "batch") for share in shares
    )


def _shares(share: float) -> Sequence[float]:
    """The cumulative shares of equal steps, without the last one, which is 1."""
    return [share * number for number in range(1, math.ceil(round(1 / share, 9)))]


def _share(policy: dict[str, Any], member: str, instances: int) -> float:
    size = policy[member]
    counted = size["Type"] == "INSTANCE_COUNT"
    percent = 100 * size["Value"] / max(instances, 1) if counted else size["Value"]
    low, high = LIMITS[member]
    if high == HALF and instances < 2:
        percent = 100  # a part is at least one instance
    if not low <= percent <= high:
        raise invalid(
            f"{member} is {percent:g} % of the {instances} instance(s);"
            f" it must be between {low} % and {high} %."
        )
    return float(percent) / 100
