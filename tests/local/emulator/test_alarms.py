"""Both protocols of CloudWatch return the same alarm."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import boto3
import botocore.session
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.parsers import create_parser

from sagemaker_local import state_folder
from stagewright.local import server as local
from stagewright.local.state import INSTALLATION

ALARM: dict[str, Any] = {
    "AlarmName": "stagewright-local/mine-errors",
    "AlarmDescription": "5 < 6 & so on",
    "AlarmActions": ["arn:aws:sns:us-east-1:000000000000:told"],
    "ActionsEnabled": True,
    "Namespace": "AWS/SageMaker",
    "MetricName": "Invocation5XXErrors",
    "Dimensions": [{"Name": "EndpointName", "Value": "mine"}],
    "Statistic": "Sum",
    "Period": 60,
    "EvaluationPeriods": 2,
    "Threshold": 1.5,
    "ComparisonOperator": "GreaterThanThreshold",
    "TreatMissingData": "notBreaching",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[state_folder.Server]:
    state = tmp_path_factory.mktemp("state")
    yield local.up(state)
    local.down(state)


@pytest.fixture(scope="module")
def session(server: state_folder.Server) -> Any:
    return boto3.Session(server.access_key, server.secret_key, region_name=INSTALLATION.region)


def queried(server: state_folder.Server, session: Any, **asked: str) -> list[dict[str, Any]]:
    """DescribeAlarms in the query protocol, read as botocore reads it."""
    fields = {"Action": "DescribeAlarms", "Version": "2010-08-01", **asked}
    request = AWSRequest(
        "POST", server.url, {"content-type": "application/x-www-form-urlencoded"}, urlencode(fields)
    )
    SigV4Auth(session.get_credentials(), "monitoring", session.region_name).add_auth(request)
    made = urllib.request.Request(server.url, request.data.encode(), dict(request.headers))
    with urllib.request.urlopen(made) as answer:
        said = {"status_code": answer.status, "headers": dict(answer.headers), "body": answer.read()}
    assert b"+00:00" not in said["body"]
    model = botocore.session.get_session().get_service_model("cloudwatch").operation_model("DescribeAlarms")
    found: list[dict[str, Any]] = create_parser("query").parse(said, model.output_shape)["MetricAlarms"]
    return found


def test_query_protocol_returns_every_field(server: state_folder.Server, session: Any) -> None:
    client = session.client("cloudwatch", endpoint_url=server.url)
    client.put_metric_alarm(**ALARM)
    client.put_metric_alarm(**ALARM | {"AlarmName": "another"})
    (found,) = queried(server, session, **{"AlarmNames.member.1": ALARM["AlarmName"]})
    assert {name: found[name] for name in ALARM} == ALARM
    (same,) = client.describe_alarms(AlarmNames=[ALARM["AlarmName"]])["MetricAlarms"]
    assert found == same
    assert len(queried(server, session)) == 2
    assert queried(server, session, AlarmNamePrefix="ano")[0]["AlarmName"] == "another"
