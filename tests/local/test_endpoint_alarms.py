"""A canary update on a local server, with alarms on the metrics of one fleet."""

from __future__ import annotations

import io
import json
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from tests.support.waiting import PATIENCE

from stagewright.local import server as local

pytestmark = pytest.mark.slow

IMAGE = "own-image"
ROLE = "arn:aws:iam::000000000000:role/r"
GOOD = """
import json
def model_fn(folder): return None
def transform_fn(model, body, content_type, accept): return json.dumps("good"), accept
"""
BAD = GOOD.replace('return json.dumps("good"), accept', 'raise ValueError("bad")')

Connect = Callable[[str], Any]


@pytest.fixture(scope="module")
def connect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connect]:
    state = tmp_path_factory.mktemp("state")
    (state / "local.toml").write_text(f'[pythons]\n"{IMAGE}" = "{sys.executable}"\n')
    clients: dict[str, Any] = {}
    with ExitStack() as opened:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("STAGEWRIGHT_CACHE", str(tmp_path_factory.mktemp("cache")))
            server = local.up(state)
        opened.callback(local.down, state)

        def of(service: str) -> Any:
            if service not in clients:
                client = boto3.client(
                    service,
                    endpoint_url=server.url,
                    region_name="us-east-1",
                    aws_access_key_id=server.access_key,
                    aws_secret_access_key=server.secret_key,
                )
                clients[service] = opened.enter_context(closing(client))
            return clients[service]

        of("s3").create_bucket(Bucket="endpoints")
        yield of


def configure(connect: Connect, name: str, script: str) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        entry = tarfile.TarInfo("code/inference.py")
        entry.size = len(script)
        tar.addfile(entry, io.BytesIO(script.encode()))
    connect("s3").put_object(Bucket="endpoints", Key=f"{name}.tar.gz", Body=buffer.getvalue())
    container = {"Image": IMAGE, "ModelDataUrl": f"s3://endpoints/{name}.tar.gz"}
    connect("sagemaker").create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer=container)
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": name,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 2,
    }
    connect("sagemaker").create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])


def errors_alarm(connect: Connect, config: str) -> str:
    """Of the 5XX errors of one configuration of the endpoint `house`."""
    dimensions = {"EndpointName": "house", "VariantName": "AllTraffic", "EndpointConfigName": config}
    connect("cloudwatch").put_metric_alarm(
        AlarmName=f"errors-{config}",
        Namespace="AWS/SageMaker",
        MetricName="Invocation5XXErrors",
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=2,
        ComparisonOperator="GreaterThanThreshold",
    )
    return f"errors-{config}"


def test_errors_of_the_new_fleet_raise_only_its_alarm(connect: Connect) -> None:
    sagemaker, runtime = connect("sagemaker"), connect("sagemaker-runtime")
    configure(connect, "good", GOOD)
    configure(connect, "bad", BAD)
    sagemaker.create_endpoint(EndpointName="house", EndpointConfigName="good")
    waiter = sagemaker.get_waiter("endpoint_in_service")
    waiter.wait(EndpointName="house", WaiterConfig={"Delay": 1, "MaxAttempts": int(PATIENCE)})
    alarms = [errors_alarm(connect, "good"), errors_alarm(connect, "bad")]
    routing = {
        "Type": "CANARY",
        "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 50},
        "WaitIntervalInSeconds": 3600,
    }
    sagemaker.update_endpoint(
        EndpointName="house",
        EndpointConfigName="bad",
        DeploymentConfig={
            "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing},
            "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": alarm} for alarm in alarms]},
        },
    )
    end, codes = time.monotonic() + PATIENCE, set()
    while (found := sagemaker.describe_endpoint(EndpointName="house"))["EndpointStatus"] == "Updating":
        assert time.monotonic() < end, found
        try:
            runtime.invoke_endpoint(EndpointName="house", Body=b"1", ContentType="application/json")
        except ClientError as error:
            codes.add(error.response["Error"]["Code"])
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", "good")
    assert found["FailureReason"].endswith("tripped: errors-bad")
    assert codes == {"ModelError"}
    states = connect("cloudwatch").describe_alarms(AlarmNames=alarms)["MetricAlarms"]
    assert {alarm["AlarmName"]: alarm["StateValue"] for alarm in states} == {
        "errors-good": "OK",
        "errors-bad": "ALARM",
    }
    answer = runtime.invoke_endpoint(EndpointName="house", Body=b"1", ContentType="application/json")
    assert json.load(answer["Body"]) == "good"
