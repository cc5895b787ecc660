from __future__ import annotations

from typing import Any

import pytest

from sagemaker_local.api.protocol import ApiError
from sagemaker_local.hosting.deployment import activated, deployment

PERCENT = "CAPACITY_PERCENT"


def size(kind: str, value: int) -> dict[str, Any]:
    return {"Type": kind, "Value": value}


def blue_green(kind: str, wait: int = 60, bake: int = 0, **sizes: Any) -> dict[str, Any]:
    routing = {"Type": kind, "WaitIntervalInSeconds": wait, **sizes}
    return {
        "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing, "TerminationWaitInSeconds": bake}
    }


def rolling(kind: str, value: int, wait: int = 60) -> dict[str, Any]:
    return {"RollingUpdatePolicy": {"MaximumBatchSize": size(kind, value), "WaitIntervalInSeconds": wait}}


@pytest.mark.parametrize(
    ("config", "instances", "expected"),
    [
        ({}, 1, [(1.0, 0)]),
        (blue_green("ALL_AT_ONCE", bake=300), 1, [(1.0, 300)]),
        (blue_green("CANARY", bake=30, CanarySize=size(PERCENT, 10)), 2, [(0.1, 60), (1.0, 30)]),
        (blue_green("CANARY", CanarySize=size("INSTANCE_COUNT", 1)), 4, [(0.25, 60), (1.0, 0)]),
        (
            blue_green("LINEAR", LinearStepSize=size(PERCENT, 33)),
            3,
            [(0.33, 60), (0.66, 60), (0.99, 60), (1.0, 0)],
        ),
        (blue_green("LINEAR", LinearStepSize=size(PERCENT, 50)), 2, [(0.5, 60), (1.0, 0)]),
        (
            blue_green("LINEAR", LinearStepSize=size("INSTANCE_COUNT", 1)),
            3,
            [(1 / 3, 60), (2 / 3, 60), (1.0, 0)],
        ),
        (rolling("INSTANCE_COUNT", 2, 5), 4, [(0.5, 5), (1.0, 5)]),
    ],
)
def test_traffic_moves_in_the_configured_steps(
    config: dict[str, Any], instances: int, expected: list[tuple[float, int]]
) -> None:
    steps = deployment(config, instances).steps
    assert [step.share for step in steps] == pytest.approx([share for share, _ in expected])
    assert [step.wait for step in steps] == [wait for _, wait in expected]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            {**blue_green("ALL_AT_ONCE"), **rolling(PERCENT, 50)},
            "Only one update policy can be used: BlueGreenUpdatePolicy or RollingUpdatePolicy.",
        ),
        (blue_green("CANARY"), "CanarySize belongs to the traffic routing type CANARY; the type is CANARY."),
        (
            blue_green("ALL_AT_ONCE", CanarySize=size(PERCENT, 10)),
            "CanarySize belongs to the traffic routing type CANARY; the type is ALL_AT_ONCE.",
        ),
        (
            blue_green("CANARY", CanarySize=size(PERCENT, 60)),
            "CanarySize is 60 % of the 2 instance(s); it must be between 0 % and 50 %.",
        ),
        (
            blue_green("CANARY", CanarySize=size("INSTANCE_COUNT", 2)),
            "CanarySize is 100 % of the 2 instance(s); it must be between 0 % and 50 %.",
        ),
        (
            blue_green("LINEAR", LinearStepSize=size(PERCENT, 5)),
            "LinearStepSize is 5 % of the 2 instance(s); it must be between 10 % and 50 %.",
        ),
        (
            rolling(PERCENT, 4),
            "MaximumBatchSize is 4 % of the 2 instance(s); it must be between 5 % and 50 %.",
        ),
        (
            {
                "RollingUpdatePolicy": {
                    **rolling(PERCENT, 50, 400)["RollingUpdatePolicy"],
                    "MaximumExecutionTimeoutInSeconds": 600,
                }
            },
            "MaximumExecutionTimeoutInSeconds (600) must be larger than the sum of all waits (800).",
        ),
    ],
)
def test_contradictory_deployment_config_is_rejected(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ApiError) as refused:
        deployment(config, 2)
    assert (refused.value.code, refused.value.message) == ("ValidationException", message)


@pytest.mark.parametrize(
    ("config", "member"),
    [
        (blue_green("CANARY", CanarySize=size(PERCENT, 10)), "CanarySize"),
        (blue_green("LINEAR", LinearStepSize=size(PERCENT, 50)), "LinearStepSize"),
        (blue_green("CANARY", CanarySize=size("INSTANCE_COUNT", 1)), "CanarySize"),
        (rolling(PERCENT, 50), "MaximumBatchSize"),
    ],
)
def test_part_of_one_instance_is_the_whole(config: dict[str, Any], member: str) -> None:
    with pytest.raises(ApiError, match=rf"{member} is 100 % of the 1 instance\(s\); it must be between"):
        deployment(config, 1)


def test_capacity_share_is_rounded_up_to_instances() -> None:
    assert [activated(share, 3) for share in (0.1, 1 / 3, 0.34, 2 / 3, 1.0)] == [1, 1, 2, 2, 3]
