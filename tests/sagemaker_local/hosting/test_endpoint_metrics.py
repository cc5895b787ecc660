from __future__ import annotations

import socket
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sagemaker_local.hosting.cloudwatch import CloudWatch
from sagemaker_local.hosting.endpoint_metrics import EndpointMetrics, Source, _data
from sagemaker_local.settings import Settings

SOMETIMES = """
def model_fn(folder): return None
def transform_fn(model, body, content_type, accept):
    if body == "fail": raise ValueError("no")
    return body, accept
"""


def statistics(world: Any, endpoint: str, metric: str, **more: str) -> dict[str, Any]:
    dimensions = {"EndpointName": endpoint, "VariantName": "AllTraffic", **more}
    points = world.aws("cloudwatch").get_metric_statistics(
        Namespace="AWS/SageMaker",
        MetricName=metric,
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        StartTime=datetime.now(UTC) - timedelta(hours=1),
        EndTime=datetime.now(UTC) + timedelta(hours=1),
        Period=86_400,
        Statistics=["Sum", "SampleCount", "Minimum"],
    )["Datapoints"]
    return {key: sum(point[key] for point in points) for key in ("Sum", "SampleCount", "Minimum")}


def test_invocations_errors_and_latency_are_in_cloudwatch(world: Any) -> None:
    world.deploy("counted", SOMETIMES)
    for body in (b"1", b"2", b"fail"):
        world.service.invoke("counted", body, {"content-type": "text/csv"})
    world.restart()
    assert statistics(world, "counted", "Invocations")["Sum"] == 3
    errors = statistics(world, "counted", "Invocation5XXErrors")
    assert (errors["Sum"], errors["SampleCount"]) == (1, 3)
    assert statistics(world, "counted", "Invocation4XXErrors")["Sum"] == 0
    assert statistics(world, "counted", "ModelLatency")["Minimum"] > 0
    assert statistics(world, "counted", "Invocations", EndpointConfigName="counted")["Sum"] == 3


def test_endpoints_work_without_cloudwatch(world: Any, caplog: Any) -> None:
    with socket.socket() as taken:  # and nobody listens
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        settings: Settings = replace(world.settings, url=url)
        cloudwatch = CloudWatch(settings)
        metrics = EndpointMetrics(cloudwatch)
        metrics.record(Source("house", "AllTraffic", "house"), 200, 0.01)
        metrics.close()
        metrics.record(Source("house", "AllTraffic", "house"), 200, 0.01)
        metrics.close()
        cloudwatch.close()
    assert [record.message for record in caplog.records if "no metrics" in record.message] == [
        caplog.records[0].message
    ]


def test_many_values_are_sent_in_parts() -> None:
    counts = Counter({float(number): 2 for number in range(400)})
    data = list(_data(Source("house", "AllTraffic", "house"), "ModelLatency", counts))
    assert [len(datum["Values"]) for datum in data] == [150, 150, 100] * 2
    assert {len(datum["Dimensions"]) for datum in data} == {2, 3}
    assert sum(sum(datum["Counts"]) for datum in data) == 2 * 800
