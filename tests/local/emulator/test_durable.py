"""State that a response acknowledged survives kill -9 of the server."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.waiting import until

from sagemaker_local.state_folder import Server
from stagewright.local import server as local
from stagewright.local.state import INSTALLATION
from stagewright.naming import Installation
from stagewright.planner.model import PLAN_FORMAT

pytestmark = pytest.mark.slow

Connect = Callable[[str], Any]
Clients = Callable[[Server], Connect]
KEY = {"run": {"S": "r"}, "item": {"S": "run"}}


@pytest.fixture
def restarted(state: Path, clients: Clients) -> Callable[[Server], Connect]:
    def restart(server: Server) -> Connect:
        os.kill(server.pid, signal.SIGKILL)
        os.waitpid(server.pid, 0)
        return clients(local.up(state))

    return restart


def test_items_survive_a_kill(state: Path, clients: Clients, restarted: Callable[[Server], Connect]) -> None:
    server = local.up(state)
    tables = clients(server)("dynamodb")
    table = INSTALLATION.runs_table
    for number in range(3):
        tables.put_item(TableName=table, Item={**KEY, "item": {"S": str(number)}, "open": {"S": "no"}})
    tables.update_item(
        TableName=table,
        Key={**KEY, "item": {"S": "1"}},
        UpdateExpression="SET #open = :yes, created = :now",
        ExpressionAttributeNames={"#open": "open"},
        ExpressionAttributeValues={":yes": {"S": "yes"}, ":now": {"S": "2026"}},
    )
    tables.delete_item(TableName=table, Key={**KEY, "item": {"S": "2"}})
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        tables.put_item(
            TableName=table,
            Item={**KEY, "item": {"S": "3"}},
            ConditionExpression="attribute_exists(created)",
        )
    tables = restarted(server)("dynamodb")
    found = tables.query(
        TableName=table,
        KeyConditionExpression="run = :run",
        ExpressionAttributeValues={":run": KEY["run"]},
    )["Items"]
    assert {item["item"]["S"]: item["open"]["S"] for item in found} == {"0": "no", "1": "yes"}
    indexed = tables.query(
        TableName=table,
        IndexName="open_runs",
        KeyConditionExpression="#open = :yes",
        ExpressionAttributeNames={"#open": "open"},
        ExpressionAttributeValues={":yes": {"S": "yes"}},
    )["Items"]
    assert [item["item"]["S"] for item in indexed] == ["1"]


def test_messages_survive_a_kill(
    state: Path, clients: Clients, restarted: Callable[[Server], Connect]
) -> None:
    """Deleted messages stay deleted. Messages in flight become visible at once."""
    server = local.up(state)
    queues = clients(server)("sqs")
    url = _dead_letters(queues, INSTALLATION)
    for body in ("taken", "read", "sent"):
        queues.send_message(QueueUrl=url, MessageBody=body)
    taken, _ = queues.receive_message(QueueUrl=url, MaxNumberOfMessages=2, VisibilityTimeout=600)["Messages"]
    queues.delete_message(QueueUrl=url, ReceiptHandle=taken["ReceiptHandle"])
    queues = restarted(server)("sqs")
    url = _dead_letters(queues, INSTALLATION)
    found = queues.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert sorted(message["Body"] for message in found) == ["read", "sent"]


def test_object_and_its_versions_survive_a_kill(
    state: Path, clients: Clients, restarted: Callable[[Server], Connect]
) -> None:
    server = local.up(state)
    objects = clients(server)("s3")
    where = {"Bucket": INSTALLATION.bucket, "Key": "a/b"}
    written = [objects.put_object(**where, Body=body, Metadata={"n": body})["VersionId"] for body in "12"]
    objects = restarted(server)("s3")
    for body, version in zip("12", written, strict=True):
        found = objects.get_object(**where, VersionId=version)
        assert (found["Body"].read().decode(), found["Metadata"]) == (body, {"n": body})
    assert objects.get_object(**where)["VersionId"] == written[-1]


def test_execution_survives_a_kill_and_is_failed(
    state: Path, clients: Clients, restarted: Callable[[Server], Connect]
) -> None:
    server = local.up(state)
    engine = clients(server)("stepfunctions")
    machine = engine.list_state_machines()["stateMachines"][0]["stateMachineArn"]
    pointer = json.dumps({"run": "nobody", "plan": "none", "format": PLAN_FORMAT})
    started = engine.start_execution(stateMachineArn=machine, name="known", input=pointer)["executionArn"]
    found = restarted(server)("stepfunctions").describe_execution(executionArn=started)
    assert (found["status"], found["input"]) == ("FAILED", pointer)


def _dead_letters(queues: Any, installation: Installation) -> str:
    """A queue of the installation that no function reads."""
    (url,) = [url for url in queues.list_queues()["QueueUrls"] if "dead" in url or "dlq" in url][:1]
    return str(url)


def test_ended_executions_leave_the_snapshot_and_survive_a_kill(
    state: Path, clients: Clients, restarted: Callable[[Server], Connect]
) -> None:
    server = local.up(state)
    states = clients(server)("stepfunctions")
    definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
    role = "arn:aws:iam::000000000000:role/r"
    machine = states.create_state_machine(name="m", definition=definition, roleArn=role)["stateMachineArn"]
    arns = [
        states.start_execution(stateMachineArn=machine, name=f"e{number}", input=json.dumps({"n": number}))[
            "executionArn"
        ]
        for number in range(5)
    ]
    until(lambda: all(states.describe_execution(executionArn=arn)["status"] == "SUCCEEDED" for arn in arns))
    before = [states.get_execution_history(executionArn=arn)["events"] for arn in arns]
    snapshot = state / "aws/stepfunctions.json"
    until(lambda: machine in (text := snapshot.read_text()) and arns[0] not in text)
    for connect in (lambda: clients(server), lambda: restarted(server)):
        states = connect()("stepfunctions")
        assert [states.get_execution_history(executionArn=arn)["events"] for arn in arns] == before
        assert json.loads(states.describe_execution(executionArn=arns[3])["output"]) == {"n": 3}
        listed = states.list_executions(stateMachineArn=machine)["executions"]
        assert {execution["executionArn"] for execution in listed} == set(arns)
        with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
            states.start_execution(stateMachineArn=machine, name="e0", input="{}")
