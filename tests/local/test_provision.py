"""The resources of installation.json, as the local services report them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sagemaker_local.state_folder import Server
from stagewright.local import server, snapshot
from stagewright.local.artifacts import Artifacts
from stagewright.local.provision import ENVIRONMENT
from stagewright.local.state import INSTALLATION, State

Connect = Callable[[str], Any]
Clients = Callable[[Server], Connect]
ARTIFACTS = Artifacts.read(INSTALLATION)
WANTED = ARTIFACTS.resources


def test_bucket_is_created(client: Connect) -> None:
    s3, name = client("s3"), WANTED["bucket"]["name"]
    assert name == INSTALLATION.bucket
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    assert "EventBridgeConfiguration" in s3.get_bucket_notification_configuration(Bucket=name)
    assert json.loads(s3.get_bucket_policy(Bucket=name)["Policy"]) == WANTED["bucket"]["policy"]
    rules = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == WANTED["bucket"]["encryption"]
    assert all(s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"].values())
    old = {rule["ID"]: rule for rule in s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]}
    assert old["old-staging"]["NoncurrentVersionExpiration"]["NoncurrentDays"] == 90


@pytest.mark.parametrize("what", list(WANTED["tables"]))
def test_table_and_its_indexes_are_created(client: Connect, what: str) -> None:
    wanted = WANTED["tables"][what]
    found = client("dynamodb").describe_table(TableName=wanted["name"])["Table"]
    assert keys(found) == (wanted["hash_key"], wanted["range_key"])
    indexes = {index["IndexName"]: index for index in found.get("GlobalSecondaryIndexes", [])}
    assert {name: keys(index) for name, index in indexes.items()} == {
        name: (index["hash_key"], index["range_key"]) for name, index in wanted["indexes"].items()
    }
    for index, settings in wanted["indexes"].items():
        projection = indexes[index]["Projection"]
        assert projection["ProjectionType"] == settings["projection"]
        assert projection.get("NonKeyAttributes", []) == settings["non_key_attributes"]
    ttl = client("dynamodb").describe_time_to_live(TableName=wanted["name"])["TimeToLiveDescription"]
    assert ttl.get("AttributeName") == wanted["ttl"]


def keys(described: dict[str, Any]) -> tuple[str, ...]:
    return tuple(key["AttributeName"] for key in described["KeySchema"])


def test_queues_are_created(client: Connect) -> None:
    sqs = client("sqs")
    for wanted in WANTED["queues"].values():
        url = sqs.get_queue_url(QueueName=wanted["name"])["QueueUrl"]
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        assert found["QueueArn"] == wanted["arn"]
        assert int(found["VisibilityTimeout"]) == wanted["visibility_timeout"]
        assert json.loads(found["Policy"]) == wanted["policy"]
        if wanted["redrive"]:
            redrive = json.loads(found["RedrivePolicy"])
            assert redrive["deadLetterTargetArn"] == wanted["redrive"]["dead_letter_arn"]
            assert int(redrive["maxReceiveCount"]) == wanted["redrive"]["max_receives"]


def test_rules_and_their_targets_are_created(client: Connect) -> None:
    for wanted in WANTED["rules"].values():
        found = client("events").describe_rule(Name=wanted["name"])
        assert found["Arn"] == wanted["arn"]
        assert json.loads(found.get("EventPattern", "null")) == wanted["pattern"]
        assert found.get("ScheduleExpression") == wanted["schedule"]
        targets = client("events").list_targets_by_rule(Rule=wanted["name"])["Targets"]
        assert [target["Arn"] for target in targets] == [wanted["target"]["arn"]]
        dead = targets[0].get("DeadLetterConfig", {}).get("Arn")
        assert dead == wanted["target"]["dead_letter_arn"]


def test_functions_are_created(client: Connect) -> None:
    machine = WANTED["state_machine"]["arn"]
    published = client("stepfunctions").list_state_machine_versions(stateMachineArn=machine)
    version = published["stateMachineVersions"][0]["stateMachineVersionArn"]
    for wanted in WANTED["functions"].values():
        found = client("lambda").get_function_configuration(FunctionName=wanted["name"])
        assert (found["Handler"], found["Timeout"]) == (wanted["handler"], wanted["timeout"])
        variables = wanted["environment"] | ENVIRONMENT | {"STAGEWRIGHT_STATE_MACHINE": version}
        assert found["Environment"]["Variables"] == variables
        assert (found["State"], found["LastUpdateStatus"]) == ("Active", "Successful")
        assert found["Role"] == WANTED["roles"][wanted["role"]]["arn"]
    name = WANTED["functions"]["router"]["name"]
    (source,) = client("lambda").list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
    assert source["EventSourceArn"] == WANTED["queues"]["events"]["arn"]
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_roles_are_created(client: Connect) -> None:
    for wanted in WANTED["roles"].values():
        name = wanted["name"]
        assert client("iam").get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"] == wanted["trust"]
        found = client("iam").get_role_policy(RoleName=name, PolicyName=name)["PolicyDocument"]
        assert found == wanted["policy"]


def test_glue_jobs_are_created(client: Connect) -> None:
    for wanted in WANTED["glue_jobs"].values():
        found = client("glue").get_job(JobName=wanted["name"])["Job"]
        assert found["Command"] == {
            "Name": wanted["command"],
            "PythonVersion": wanted["python_version"],
            "ScriptLocation": wanted["script"],
        }
        assert (found["Role"], found["GlueVersion"]) == (
            WANTED["roles"][wanted["role"]]["arn"],
            wanted["glue_version"],
        )
        assert found["ExecutionProperty"]["MaxConcurrentRuns"] == wanted["max_concurrent_runs"]
        assert {name: found[name] for name in wanted["capacity"]} == wanted["capacity"]


def test_state_machine_log_groups_and_topics_are_created(client: Connect) -> None:
    found = client("stepfunctions").describe_state_machine(stateMachineArn=INSTALLATION.state_machine_arn)
    assert json.loads(found["definition"]) == json.loads(ARTIFACTS.definition)
    assert found["loggingConfiguration"]["level"] == WANTED["state_machine"]["logging"]["level"]
    groups = {group["logGroupName"]: group for group in client("logs").describe_log_groups()["logGroups"]}
    for wanted in WANTED["log_groups"].values():
        assert groups[wanted["name"]]["retentionInDays"] == wanted["retention_days"]
    topics = [topic["TopicArn"] for topic in client("sns").list_topics()["Topics"]]
    assert topics == [topic["arn"] for topic in WANTED["topics"].values()]
    for wanted in WANTED["topics"].values():
        found = client("sns").get_topic_attributes(TopicArn=wanted["arn"])["Attributes"]
        assert json.loads(found["Policy"]) == wanted["policy"]
        assert found["KmsMasterKeyId"] == (wanted["kms_key"] or "")


def test_every_function_starts(client: Connect) -> None:
    """The archive contains every module that the handlers import."""
    for wanted in WANTED["functions"].values():
        name = wanted["name"]
        answer = client("lambda").invoke(FunctionName=name, Payload=json.dumps({"Records": []}))
        said = answer["Payload"].read().decode()
        assert "ImportError" not in said, said
        assert "ModuleNotFoundError" not in said, said
        assert "init failed" not in said, said


@pytest.mark.slow
def test_changed_artifacts_update_resources_without_data_loss(state: Path, clients: Clients) -> None:
    client = clients(server.up(state))
    name = WANTED["functions"]["router"]["name"]
    client("lambda").update_function_configuration(FunctionName=name, Timeout=1)
    client("stepfunctions").update_state_machine(
        stateMachineArn=INSTALLATION.state_machine_arn,
        definition=json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}),
    )
    client("dynamodb").put_item(
        TableName=INSTALLATION.documents_table, Item={"pipeline": {"S": "p"}, "item": {"S": "base"}}
    )
    client("glue").delete_job(JobName=WANTED["glue_jobs"]["spark"]["name"])
    drop = [{"Delete": {"IndexName": "by_item"}}]
    client("dynamodb").update_table(TableName=INSTALLATION.documents_table, GlobalSecondaryIndexUpdates=drop)
    server.down(state)
    State(state).provisioned.write_text("another digest")
    client = clients(server.up(state))
    assert client("lambda").get_function_configuration(FunctionName=name)["Timeout"] == 120
    assert len(client("glue").get_jobs()["Jobs"]) == len(WANTED["glue_jobs"])
    found = client("stepfunctions").describe_state_machine(stateMachineArn=INSTALLATION.state_machine_arn)
    assert json.loads(found["definition"]) == json.loads(ARTIFACTS.definition)
    found = client("dynamodb").query(
        TableName=INSTALLATION.documents_table,
        IndexName="by_item",
        KeyConditionExpression="#item = :base",
        ExpressionAttributeNames={"#item": "item"},
        ExpressionAttributeValues={":base": {"S": "base"}},
    )
    assert [item["pipeline"]["S"] for item in found["Items"]] == ["p"]
    assert len(client("lambda").list_event_source_mappings()["EventSourceMappings"]) == 1
    assert State(state).provisioned.read_text() == ARTIFACTS.digest


def test_new_state_directory_starts_from_a_snapshot_without_data(
    tmp_path: Path, clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAGEWRIGHT_CACHE", str(tmp_path / "cache"))
    first, second = tmp_path / "first", tmp_path / "second"
    try:
        client = clients(server.up(first))
        client("s3").put_object(Bucket=INSTALLATION.bucket, Key="mine", Body=b"secret")
        (tmp_path / "cache" / "installations" / ARTIFACTS.digest / "aws" / "from-snapshot").touch()
        client = clients(server.up(second))
        assert (second / "aws" / "from-snapshot").exists()
        assert len(client("glue").get_jobs()["Jobs"]) == len(WANTED["glue_jobs"])
        assert client("s3").list_objects_v2(Bucket=INSTALLATION.bucket)["KeyCount"] == 0
        functions = client("lambda").list_functions()["Functions"]
        assert {function["State"] for function in functions} == {"Active"}
        assert client("s3").get_bucket_versioning(Bucket=INSTALLATION.bucket)["Status"] == "Enabled"
        assert len(client("events").list_rules()["Rules"]) == len(WANTED["rules"])
    finally:
        server.down(first)
        server.down(second)


def test_snapshot_is_not_restored_over_a_used_state(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAGEWRIGHT_CACHE", str(tmp_path / "cache"))
    source = State(tmp_path / "source")
    for part in (source.services, source.objects, source.glue):
        part.mkdir(parents=True)
        (part / "file").write_text("x")
    snapshot.keep(source, "digest")
    state.mkdir()
    (state / "aws").mkdir()
    assert snapshot.restore(State(state), "digest") is False
    assert list((state / "aws").iterdir()) == []
    assert snapshot.restore(State(tmp_path / "new"), "digest") is True
    assert (tmp_path / "new" / "objects" / "file").read_text() == "x"
    assert snapshot.restore(State(tmp_path / "newer"), "unknown") is False
