"""The commands of docs/terraform.md that remove what runs made, as they stand there, on the local target.

What calls AWS in them is `aws.py` here instead of AWS's command line: boto3, so that an option which no
operation takes is refused. Only the tagging service's list is put together from SageMaker's own tags.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.waiting import until
from tests.terraform.bare import bare, connect

from sagemaker_local.state_folder import REGION, Server
from stagewright.naming import OWNER_TAG

pytestmark = pytest.mark.slow

PAGE = (Path(__file__).parents[2] / "docs" / "terraform.md").read_text()
(SCRIPT,) = re.findall(r"```\n(installation=.+?)```", PAGE, flags=re.S)
OURS, OTHERS = "stagewright-dev", "stagewright-dev-eu"
BUCKET = "ml-dev"
ROLE = "arn:aws:iam::000000000000:role/jobs"
Clients = Callable[[str], Any]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with bare(tmp_path_factory.mktemp("removal")) as server:
        yield server


@pytest.fixture
def aws(tmp_path: Path, server: Server) -> dict[str, str]:
    """The environment in which `aws` is ours."""
    command = tmp_path / "aws"
    shutil.copy(Path(__file__).with_name("aws.py"), command)
    command.write_text(f"#!{sys.executable}\n{command.read_text()}")
    command.chmod(0o755)
    return {
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        "AWS_ENDPOINT_URL": server.url,
        "AWS_ACCESS_KEY_ID": server.access_key,
        "AWS_SECRET_ACCESS_KEY": server.secret_key,
        "AWS_DEFAULT_REGION": REGION,
    }


def make(client: Clients, installation: str) -> None:
    """An endpoint with all that belongs to it, and a version in a group."""
    sagemaker, tags = client("sagemaker"), [{"Key": OWNER_TAG, "Value": installation}]
    data = f"s3://{BUCKET}/runs/{installation}/model.tar.gz"
    container = {"Image": "nobody/knows:1", "ModelDataUrl": data}
    client("s3").put_object(Bucket=BUCKET, Key=data.partition(f"{BUCKET}/")[2], Body=b"model")
    sagemaker.create_model(
        ModelName=installation, PrimaryContainer=container, ExecutionRoleArn=ROLE, Tags=tags
    )
    variant = {"VariantName": "one", "ModelName": installation, "InstanceType": "ml.m5.large"}
    sagemaker.create_endpoint_config(
        EndpointConfigName=installation,
        ProductionVariants=[{**variant, "InitialInstanceCount": 1}],
        Tags=tags,
    )
    sagemaker.create_endpoint(EndpointName=installation, EndpointConfigName=installation, Tags=tags)
    sagemaker.create_model_package_group(ModelPackageGroupName=installation, Tags=tags)
    types = {"SupportedContentTypes": ["text/csv"], "SupportedResponseMIMETypes": ["text/csv"]}
    for _ in range(2):
        sagemaker.create_model_package(
            ModelPackageGroupName=installation, InferenceSpecification={"Containers": [container], **types}
        )
    client("cloudwatch").put_metric_alarm(
        AlarmName=f"{installation}/house-price-errors",
        Namespace="AWS/SageMaker",
        MetricName="Invocation5XXErrors",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
    )
    described = lambda: sagemaker.describe_endpoint(EndpointName=installation)  # noqa: E731
    until(lambda: described()["EndpointStatus"] != "Creating")


def left(client: Clients) -> dict[str, list[str]]:
    sagemaker = client("sagemaker")
    groups = [
        each["ModelPackageGroupName"]
        for each in sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"]
    ]
    return {
        "endpoints": [each["EndpointName"] for each in sagemaker.list_endpoints()["Endpoints"]],
        "configurations": [
            each["EndpointConfigName"] for each in sagemaker.list_endpoint_configs()["EndpointConfigs"]
        ],
        "models": [each["ModelName"] for each in sagemaker.list_models()["Models"]],
        "groups": groups,
        "alarms": [each["AlarmName"] for each in client("cloudwatch").describe_alarms()["MetricAlarms"]],
    }


def test_removal_commands_delete_only_the_resources_of_one_installation(
    server: Server, aws: dict[str, str]
) -> None:
    client = connect(server)
    client("s3").create_bucket(Bucket=BUCKET)
    make(client, OURS)
    make(client, OTHERS)
    done = subprocess.run(
        ["sh", "-eu", "-c", SCRIPT.replace("NAME", BUCKET)],
        env=aws,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    kept = left(client)
    assert kept.pop("alarms") == [f"{OTHERS}/house-price-errors"]
    assert list(kept.values()) == [[OTHERS]] * 4
    assert "Contents" not in client("s3").list_objects_v2(Bucket=BUCKET, Prefix="runs/")
