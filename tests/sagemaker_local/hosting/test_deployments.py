"""Blue/green endpoint updates with traffic shifting and alarms."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.support.waiting import until

from sagemaker_local.api.protocol import ApiError
from sagemaker_local.hosting.rollout import InterruptedRolloutError, Rollout
from sagemaker_local.hosting.routing import Routing

pytestmark = pytest.mark.slow

JSON = {"content-type": "application/json"}
FAILS = """
def model_fn(folder): return "MARK"
def transform_fn(model, body, content_type, accept): raise ValueError("worse than before")
"""


def canary(percent: int = 30, wait: int = 600, bake: int = 0, alarm: str = "") -> dict[str, Any]:
    routing = {
        "Type": "CANARY",
        "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": percent},
        "WaitIntervalInSeconds": wait,
    }
    config: dict[str, Any] = {
        "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing, "TerminationWaitInSeconds": bake}
    }
    if alarm:
        config["AutoRollbackConfiguration"] = {"Alarms": [{"AlarmName": alarm}]}
    return config


def send(world: Any, name: str) -> str:
    result = world.service.invoke(name, b"1", JSON)
    assert result.status == 200, result.body
    return str(json.loads(result.body)["model"])


def next_version(world: Any, name: str = "next", script: str | None = None, **more: Any) -> None:
    world.create_model(name, script)
    world.create_config(name, name, **more)


def changes(world: Any) -> list[dict[str, Any]]:
    """An event follows the state that it tells of."""
    return [detail for what, detail in world.events if what == "SageMaker Endpoint State Change"]


def stage(world: Any, name: str) -> str:
    """What the pending variant's status says, while there is one."""
    pending = world.call("DescribeEndpoint", EndpointName=name).get("PendingDeploymentSummary")
    return str(pending["ProductionVariants"][0]["VariantStatus"][0]["StatusMessage"]) if pending else ""


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Waits of an update last until it is set, and no longer: nothing depends on time."""
    opened = threading.Event()

    def pause(rollout: Rollout, _seconds: float) -> None:
        while not opened.wait(0.01):
            if rollout._closing.is_set():
                raise InterruptedRolloutError

    monkeypatch.setattr(Rollout, "_pause", pause)
    yield opened
    opened.set()


@pytest.fixture
def alarm(world: Any) -> Iterator[str]:
    name = f"alarm-{world.settings.root.parent.name}"
    metric = {"Namespace": "Tests", "MetricName": name, "Statistic": "Sum", "Period": 60}
    rule = {"EvaluationPeriods": 1, "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold"}
    world.aws("cloudwatch").put_metric_alarm(AlarmName=name, **metric, **rule)
    yield name
    world.aws("cloudwatch").delete_alarms(AlarmNames=[name])


def test_canary_update_splits_traffic_and_fails_no_request(world: Any, gate: threading.Event) -> None:
    world.deploy("live")
    next_version(world)
    world.call("UpdateEndpoint", EndpointName="live", EndpointConfigName="next", DeploymentConfig=canary(30))
    until(lambda: stage(world, "live").startswith("Baking"))
    during: Counter[str] = Counter()
    failures: list[BaseException] = []

    def load() -> None:
        try:
            during.update(Counter(send(world, "live") for _ in range(250)))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ended = threading.Event()
    after: list[str] = []

    def go_on() -> None:
        while not ended.is_set():
            after.append(send(world, "live"))

    last = threading.Thread(target=go_on)
    last.start()
    gate.set()
    found = world.settled("live")
    ended.set()
    last.join()
    assert failures == []
    assert during.total() == 1000
    # Five standard deviations of a binomial with 1,000 draws at 30 %.
    assert abs(during["next"] - 300) < 75, during
    assert set(after) <= {"live", "next"}
    assert (found["EndpointConfigName"], send(world, "live")) == ("next", "next")


def test_every_stage_of_an_update_can_be_seen(world: Any, gate: threading.Event) -> None:
    world.create_model("live")
    world.create_config("live", "live", InitialInstanceCount=4)
    world.call("CreateEndpoint", EndpointName="live", EndpointConfigName="live")
    world.settled("live")
    next_version(world, InitialInstanceCount=4)
    config = canary(50, 600, 300)
    world.call("UpdateEndpoint", EndpointName="live", EndpointConfigName="next", DeploymentConfig=config)
    until(lambda: stage(world, "live").startswith("Baking"))
    found = world.call("DescribeEndpoint", EndpointName="live")
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("Updating", "live")
    pending = found["PendingDeploymentSummary"]
    assert pending["EndpointConfigName"] == "next"
    variant = pending["ProductionVariants"][0]
    assert (variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]) == (2, 4)
    assert variant["InstanceType"] == "ml.m5.large"
    with pytest.raises(ApiError, match="Cannot update in-progress endpoint"):
        world.call("UpdateEndpoint", EndpointName="live", EndpointConfigName="next")
    gate.set()
    found = world.settled("live")
    assert "PendingDeploymentSummary" not in found
    assert found["LastDeploymentConfig"] == config
    told = [
        detail["PendingDeploymentSummary"]["ProductionVariants"][0]["VariantStatus"][0]
        for what, detail in world.events
        if what == "SageMaker Endpoint Deployment State Change"
    ]
    canary_, full = "canary capacity of 2 instance(s).", "full capacity of 4 instance(s)."
    assert [(each["Status"], each["StatusMessage"]) for each in told] == [
        ("ActivatingTraffic", f"Activating traffic on {canary_}"),
        ("Baking", f"Baking for 600 seconds (WaitIntervalInSeconds) with traffic enabled on {canary_}"),
        ("ActivatingTraffic", f"Activating traffic on {full}"),
        ("Baking", f"Baking for 300 seconds (TerminationWaitInSeconds) with traffic enabled on {full}"),
    ]
    # Without a configuration of its own, an update asks for the last one again only where it says so.
    next_version(world, "third", InitialInstanceCount=4)
    world.call("UpdateEndpoint", EndpointName="live", EndpointConfigName="third", RetainDeploymentConfig=True)
    assert world.settled("live")["EndpointConfigName"] == "third"
    assert len([what for what, _ in world.events if "Deployment" in what]) == 8
    with pytest.raises(ApiError, match="either DeploymentConfig or RetainDeploymentConfig"):
        world.call(
            "UpdateEndpoint",
            EndpointName="live",
            EndpointConfigName="next",
            RetainDeploymentConfig=True,
            DeploymentConfig=config,
        )


HALF = {"Type": "CAPACITY_PERCENT", "Value": 50}


@pytest.mark.parametrize(
    ("policy", "shares"),
    [
        (
            {
                "BlueGreenUpdatePolicy": {
                    "TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 60},
                    "TerminationWaitInSeconds": 60,
                }
            },
            [1.0],
        ),
        (
            {
                "BlueGreenUpdatePolicy": {
                    "TrafficRoutingConfiguration": {
                        "Type": "LINEAR",
                        "LinearStepSize": HALF,
                        "WaitIntervalInSeconds": 60,
                    }
                }
            },
            [0.5, 1.0],
        ),
        (
            {
                "RollingUpdatePolicy": {
                    "MaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 25},
                    "WaitIntervalInSeconds": 60,
                }
            },
            [0.25, 0.5, 0.75, 1.0],
        ),
    ],
)
def test_every_policy_moves_the_traffic(
    world: Any,
    gate: threading.Event,
    monkeypatch: pytest.MonkeyPatch,
    policy: dict[str, Any],
    shares: list[float],
) -> None:
    moved: list[float] = []
    shift = Routing.shift

    def noted(routing: Routing, endpoint: str, lane: Any, share: float) -> None:
        moved.append(share)
        shift(routing, endpoint, lane, share)

    monkeypatch.setattr(Routing, "shift", noted)
    gate.set()
    world.deploy("live")
    next_version(world)
    world.call("UpdateEndpoint", EndpointName="live", EndpointConfigName="next", DeploymentConfig=policy)
    assert world.settled("live")["EndpointConfigName"] == "next"
    assert moved == shares
    assert send(world, "live") == "next"


def test_tripped_alarm_rolls_back(world: Any, gate: threading.Event, alarm: str) -> None:
    world.deploy("live")
    next_version(world)
    world.call(
        "UpdateEndpoint",
        EndpointName="live",
        EndpointConfigName="next",
        DeploymentConfig=canary(50, alarm=alarm),
    )
    until(lambda: {send(world, "live") for _ in range(10)} == {"live", "next"})
    world.aws("cloudwatch").set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="a test")
    gate.set()
    found = world.settled("live")
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", "live")
    assert found["FailureReason"].endswith(f"tripped: {alarm}")
    assert {send(world, "live") for _ in range(30)} == {"live"}
    until(lambda: not (world.folder("live") / "2").exists())
    # The endpoint can be updated again, and the next generation is not the one that was undone.
    world.call("UpdateEndpoint", EndpointName="live", EndpointConfigName="next")
    found = world.settled("live")
    assert (found["EndpointConfigName"], send(world, "live")) == ("next", "next")
    assert "FailureReason" not in found
    assert (world.folder("live") / "3").exists()


def test_errors_of_the_new_fleet_trip_an_alarm_on_the_endpoints_metric(world: Any) -> None:
    world.deploy("watched")
    next_version(world, "worse", FAILS)
    dimensions = [
        {"Name": "EndpointName", "Value": "watched"},
        {"Name": "VariantName", "Value": "AllTraffic"},
    ]
    world.aws("cloudwatch").put_metric_alarm(
        AlarmName="errors",
        Namespace="AWS/SageMaker",
        MetricName="Invocation5XXErrors",
        Dimensions=dimensions,
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=3,
        ComparisonOperator="GreaterThanThreshold",
    )
    world.call(
        "UpdateEndpoint",
        EndpointName="watched",
        EndpointConfigName="worse",
        DeploymentConfig=canary(50, wait=3600, alarm="errors"),
    )

    def over() -> bool:
        world.service.invoke("watched", b"1", JSON)
        return bool(world.call("DescribeEndpoint", EndpointName="watched")["EndpointStatus"] != "Updating")

    until(over)
    found = world.settled("watched")
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", "watched")
    assert "errors" in found["FailureReason"]
    assert send(world, "watched") == "watched"


def test_update_with_a_missing_alarm_is_rejected(world: Any) -> None:
    world.deploy("live")
    with pytest.raises(ApiError, match=r"There is no CloudWatch alarm nothing \(AutoRollbackConfiguration\)"):
        world.call(
            "UpdateEndpoint",
            EndpointName="live",
            EndpointConfigName="live",
            DeploymentConfig=canary(alarm="nothing"),
        )
    assert world.call("DescribeEndpoint", EndpointName="live")["EndpointStatus"] == "InService"


def test_failed_rollback_is_reported(world: Any, gate: threading.Event, alarm: str) -> None:
    broken = world.settings.root.parent / "broken"
    script = f"""
import json, os
def model_fn(folder):
    if os.path.exists({str(broken)!r}):
        raise ValueError("gone for good")
    return "old"
def predict_fn(data, model): return {{"model": model}}
"""
    world.deploy("live", script)
    next_version(world)
    world.call(
        "UpdateEndpoint",
        EndpointName="live",
        EndpointConfigName="next",
        DeploymentConfig=canary(50, alarm=alarm),
    )
    until(lambda: stage(world, "live").startswith("Baking"))
    broken.touch()
    endpoints = next(each for each in world.service._resources if hasattr(each, "_routing"))
    (worker,) = endpoints._routing.serving("live").fleet._pools["AllTraffic"]._workers
    os.kill(worker._process.pid, signal.SIGKILL)
    until(lambda: not worker.running)
    world.aws("cloudwatch").set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="a test")
    gate.set()
    found = until(
        lambda: (
            (state := world.call("DescribeEndpoint", EndpointName="live"))["EndpointStatus"] != "Updating"
            and state
        )
    )
    assert found["EndpointStatus"] == "UpdateRollbackFailed"
    assert found["FailureReason"].endswith("gone for good")
    world.call("UpdateEndpoint", EndpointName="live", EndpointConfigName="next")
    assert world.settled("live")["EndpointStatus"] == "InService"
    assert {send(world, "live") for _ in range(10)} == {"next"}


def test_update_over_its_time_limit_is_rolled_back(
    world: Any, gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.deploy("live")
    next_version(world)
    monkeypatch.setattr(Rollout, "_check_timeout", _late_after_first_step(Rollout._check_timeout))
    config = canary(50)
    config["BlueGreenUpdatePolicy"]["MaximumExecutionTimeoutInSeconds"] = 1200
    gate.set()
    world.call("UpdateEndpoint", EndpointName="live", EndpointConfigName="next", DeploymentConfig=config)
    found = world.settled("live")
    assert found["EndpointConfigName"] == "live"
    assert found["FailureReason"] == (
        "The deployment took longer than its MaximumExecutionTimeoutInSeconds of 1200."
    )
    assert send(world, "live") == "live"


def _late_after_first_step(check_timeout: Callable[[Rollout], None]) -> Callable[[Rollout], None]:
    """As though every wait had been followed by ten minutes of work."""

    def check(rollout: Rollout) -> None:
        check_timeout(rollout)
        rollout._started -= 600

    return check


def test_update_continues_after_a_restart(world: Any, gate: threading.Event) -> None:
    world.deploy("live")
    next_version(world)
    world.call("UpdateEndpoint", EndpointName="live", EndpointConfigName="next", DeploymentConfig=canary(50))
    until(lambda: stage(world, "live").startswith("Baking"))
    world.restart()
    assert world.call("DescribeEndpoint", EndpointName="live")["EndpointStatus"] == "Updating"
    assert send(world, "live") in ("live", "next")
    gate.set()
    found = world.settled("live")
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", "next")
    assert send(world, "live") == "next"


def test_waits_are_scaled(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr(Rollout, "_pause", lambda _rollout, seconds: waited.append(seconds))
    world.deploy("live")
    next_version(world)
    world.call(
        "UpdateEndpoint",
        EndpointName="live",
        EndpointConfigName="next",
        DeploymentConfig=canary(50, 600, 300),
    )
    assert world.settled("live")["EndpointConfigName"] == "next"
    assert sum(waited) == pytest.approx(900 * world.settings.wait_scale)


def test_weights_change_in_the_background(world: Any) -> None:
    for name in ("a", "b"):
        world.create_model(name)
    world.create_config("both", "a", "b")
    world.call("CreateEndpoint", EndpointName="both", EndpointConfigName="both")
    world.settled("both")
    change = [{"VariantName": "variant-a", "DesiredWeight": 3.0, "DesiredInstanceCount": 3}]
    world.call("UpdateEndpointWeightsAndCapacities", EndpointName="both", DesiredWeightsAndCapacities=change)
    assert world.settled("both")["ProductionVariants"][0]["CurrentWeight"] == 3.0
    told = until(lambda: changes(world)[3:] and changes(world)[2:])
    assert [
        (
            detail["EndpointStatus"],
            detail["ProductionVariants"][0]["CurrentWeight"],
            detail["ProductionVariants"][0]["DesiredWeight"],
            detail["ProductionVariants"][0]["CurrentInstanceCount"],
        )
        for detail in told
    ] == [("UPDATING", 1.0, 3.0, 2), ("IN_SERVICE", 3.0, 3.0, 3)]
    share = Counter(send(world, "both") for _ in range(400))
    # Five standard deviations of a binomial with 400 draws at 75 %.
    assert abs(share["a"] - 300) < 45, share
