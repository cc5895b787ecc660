"""S3 put -> EventBridge rule -> queue -> Lambda on a running server, with boto3 only."""

from __future__ import annotations

import io
import json
import os
import signal
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.support.waiting import until

from sagemaker_local.state_folder import Server
from stagewright.local import server as local
from stagewright.local.state import State

pytestmark = pytest.mark.slow

Connect = Callable[[str], Any]
ROLE = "arn:aws:iam::000000000000:role/r"
CODE = """
import json, os, sys
import aws_lambda_powertools, boto3, pydantic

def handler(event, context):
    bodies = [json.loads(record["body"]) for record in event["Records"]]
    account = boto3.client("sts").get_caller_identity()["Account"]
    aws = {name: value for name, value in os.environ.items() if name.startswith(("AWS_", "BOTO_"))}
    answer = {"bodies": bodies, "aws": aws, "account": account, "function": context.invoked_function_arn}
    for body in bodies:
        key = "seen/" + body["detail"]["object"]["key"].replace("/", "-")
        boto3.client("s3").put_object(Bucket=os.environ["OUT"], Key=key, Body=json.dumps(answer).encode())
"""


def build(client: Connect, name: str) -> None:
    """A bucket whose new objects below `in/` go through a rule and a queue to a function."""
    client("s3").create_bucket(Bucket=name)
    client("s3").put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    client("s3").put_bucket_notification_configuration(
        Bucket=name, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    url = client("sqs").create_queue(QueueName=name)["QueueUrl"]
    queue = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"][
        "QueueArn"
    ]
    pattern = {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {"bucket": {"name": [name]}, "object": {"key": [{"prefix": "in/"}]}},
    }
    client("events").put_rule(Name=name, EventPattern=json.dumps(pattern))
    client("events").put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": queue}])
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("fn.py", CODE)
    client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.12",
        Architectures=["arm64"],
        Handler="fn.handler",
        Role=ROLE,
        Code={"ZipFile": packed.getvalue()},
        Timeout=30,
        Environment={"Variables": {"OUT": name}},
    )
    client("lambda").create_event_source_mapping(
        EventSourceArn=queue,
        FunctionName=name,
        BatchSize=10,
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )


def seen(client: Connect, bucket: str, key: str) -> dict[str, Any]:
    s3 = client("s3")
    until(lambda: s3.list_objects_v2(Bucket=bucket, Prefix=f"seen/{key}").get("KeyCount"))
    found: dict[str, Any] = json.loads(s3.get_object(Bucket=bucket, Key=f"seen/{key}")["Body"].read())
    return found


def test_object_event_reaches_the_function_with_its_version(client: Connect) -> None:
    build(client, "events-one")
    version = client("s3").put_object(Bucket="events-one", Key="in/manifest.json", Body=b"{}")["VersionId"]
    client("s3").put_object(Bucket="events-one", Key="elsewhere/manifest.json", Body=b"{}")
    client("s3").put_object(Bucket="events-one", Key="in/last.json", Body=b"{}")
    body = seen(client, "events-one", "in-manifest.json")["bodies"][0]
    assert (body["source"], body["detail-type"]) == ("aws.s3", "Object Created")
    assert body["detail"]["object"]["version-id"] == version
    seen(client, "events-one", "in-last.json")
    keys = [
        item["Key"] for item in client("s3").list_objects_v2(Bucket="events-one", Prefix="seen/")["Contents"]
    ]
    assert keys == ["seen/in-last.json", "seen/in-manifest.json"]


def test_function_gets_the_servers_key_and_no_other_aws_settings(
    state: Path, clients: Callable[[Server], Connect], monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign = {
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",  # pragma: allowlist secret
        "AWS_SECRET_ACCESS_KEY": "theirs",
        "AWS_SESSION_TOKEN": "theirs",
        "AWS_PROFILE": "theirs",
        "AWS_ENDPOINT_URL": "http://theirs.example",
        "AWS_ENDPOINT_URL_S3": "http://theirs.example",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://theirs.example",
        "BOTO_CONFIG": "/theirs",
        "HTTP_PROXY": "http://theirs.example:1",
    }
    with monkeypatch.context() as theirs:
        for name, value in foreign.items():
            theirs.setenv(name, value)
        server = local.up(state)
    client = clients(server)
    build(client, "events-two")
    client("s3").put_object(Bucket="events-two", Key="in/x", Body=b"")
    found = seen(client, "events-two", "in-x")
    aws = found["aws"]
    assert found["account"] == "000000000000"
    assert aws["AWS_ENDPOINT_URL"] == server.url
    assert aws["AWS_ACCESS_KEY_ID"] == State(state).owner().access_key != server.access_key
    assert (
        Path(aws["AWS_CONFIG_FILE"]).read_text() == Path(aws["AWS_SHARED_CREDENTIALS_FILE"]).read_text() == ""
    )
    assert not [name for name, value in aws.items() if "theirs" in value or "AKIA" in value]
    assert not {
        "AWS_PROFILE",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_ENDPOINT_URL_S3",
        "BOTO_CONFIG",
    } & set(aws)


def test_functions_and_their_events_survive_a_restart(
    state: Path, clients: Callable[[Server], Connect]
) -> None:
    build(clients(local.up(state)), "events-kept")
    local.down(state)
    client = clients(local.up(state))
    client("s3").put_object(Bucket="events-kept", Key="in/again", Body=b"")
    assert seen(client, "events-kept", "in-again")["function"].endswith(":function:events-kept")


SLOW = """
import boto3, os, time

def handler(event, context):
    time.sleep(0.5)
    boto3.client("s3").put_object(Bucket=os.environ["OUT"], Key="seen/" + event["detail"]["name"], Body=b"")
"""


def test_stopping_server_finishes_functions_that_events_invoked(
    state: Path, clients: Callable[[Server], Connect]
) -> None:
    client = clients(local.up(state))
    client("s3").create_bucket(Bucket="events-slow")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("fn.py", SLOW)
    function = client("lambda").create_function(
        FunctionName="slow",
        Runtime="python3.12",
        Handler="fn.handler",
        Role=ROLE,
        Code={"ZipFile": packed.getvalue()},
        Timeout=30,
        Environment={"Variables": {"OUT": "events-slow"}},
    )["FunctionArn"]
    warm = json.dumps({"detail": {"name": "warm"}})  # a server that stops does not wait for a cold one
    client("lambda").invoke(FunctionName="slow", Payload=warm)
    client("events").put_rule(Name="slow", EventPattern=json.dumps({"source": ["test"]}))
    client("events").put_targets(Rule="slow", Targets=[{"Id": "slow", "Arn": function}])
    entry = {"Source": "test", "DetailType": "x", "Detail": json.dumps({"name": "begun"})}
    client("events").put_events(Entries=[entry])
    local.down(state)
    found = clients(local.up(state))("s3").list_objects_v2(Bucket="events-slow")
    assert [each["Key"] for each in found["Contents"]] == ["seen/begun", "seen/warm"]


@pytest.mark.parametrize(("killed", "status"), [(True, "FAILED"), (False, "ABORTED")])
def test_interrupted_execution_sends_its_status_event_once(
    state: Path, clients: Callable[[Server], Connect], killed: bool, status: str
) -> None:
    server = local.up(state)
    client = clients(server)
    url = client("sqs").create_queue(QueueName="status")["QueueUrl"]
    queue = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"][
        "QueueArn"
    ]
    pattern = {"source": ["aws.states"], "detail": {"status": [status]}}
    client("events").put_rule(Name="status", EventPattern=json.dumps(pattern))
    client("events").put_targets(Rule="status", Targets=[{"Id": "queue", "Arn": queue}])
    wait = {"Type": "Wait", "Seconds": 99_999_999, "End": True}
    machine = client("stepfunctions").create_state_machine(
        name="waits", definition=json.dumps({"StartAt": "W", "States": {"W": wait}}), roleArn=ROLE
    )["stateMachineArn"]
    execution = client("stepfunctions").start_execution(stateMachineArn=machine)["executionArn"]
    for expected in (1, 0):  # the second restart has nothing to announce
        if killed:
            kill_once_saved(server, execution)
        else:
            local.down(state)
        server = local.up(state)
        client = clients(server)
        url = client("sqs").get_queue_url(QueueName="status")["QueueUrl"]

        def received(client: Connect = client, url: str = url) -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = client("sqs").receive_message(QueueUrl=url).get("Messages", [])
            return found

        messages = until(received) if expected else received()
        assert len(messages) == expected
        for message in messages:
            detail = json.loads(message["Body"])["detail"]
            assert (detail["executionArn"], detail["status"]) == (execution, status)
            client("sqs").delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        killed = False


def kill_once_saved(server: Server, text: str) -> None:
    saved = server.state / "aws" / "stepfunctions.json"
    until(lambda: saved.exists() and text in saved.read_text())
    os.kill(server.pid, signal.SIGKILL)
    until(lambda: local.find(server.state) is None)
