"""A real server for S3, DynamoDB, SQS and Step Functions, and an installation of its own for each test."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator
from dataclasses import replace

import pytest
from tests.support.emulator import serving
from tests.support.waiting import until

from stagewright.aws import queue
from stagewright.aws.endpoints import Endpoint
from stagewright.aws.jobs import Job
from stagewright.aws.registry import Package
from stagewright.aws.used_time import NOTHING, UsedTime
from stagewright.document.load import load
from stagewright.document.pipeline import Pipeline
from stagewright.naming import Installation
from stagewright.operator_gateway import OperatorGateway

COUNTER = itertools.count()
KEY = "test"
ACCOUNT = "000000000000"
REGION = "us-east-1"
MACHINE = {"StartAt": "Go", "States": {"Go": {"Type": "Pass", "End": True}}}
WAITING = {"StartAt": "Go", "States": {"Go": {"Type": "Wait", "Seconds": 600, "End": True}}}
INDEXES = {
    "by_pipeline": ("pipeline", "created"),
    "by_stage": ("stage_key", "ended"),
    "open_runs": ("open", "created"),
}


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("server")) as url:
        yield url


@pytest.fixture
def installation() -> Installation:
    name = f"t{os.getpid()}-{next(COUNTER)}"
    return Installation(f"{name}-bucket", REGION, ACCOUNT, environment="test", prefix=name)


@pytest.fixture(scope="session")
def connected(address: str) -> Iterator[OperatorGateway]:
    """Its clients serve every test, because making them takes longer than most tests.

    The one server knows all messages, so receiving them needs no long polling.
    """
    gateway = OperatorGateway.connect(Installation("none", REGION, ACCOUNT), address, KEY, KEY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(queue, "LONG_POLL", 0)
        yield gateway
    gateway.close()


@pytest.fixture
def gateway(connected: OperatorGateway, installation: Installation) -> OperatorGateway:
    return install(replace(connected, installation=installation))


class SageMaker:
    """Jobs, packages and endpoints as `known` has them, and the jobs that were stopped."""

    def __init__(self) -> None:
        self.known: dict[str, Job | Package | Endpoint] = {}
        self.asked: list[str] = []
        self.stopped: list[str] = []
        self.used: dict[str, UsedTime] = {}

    def describe(self, kind_or_name: str, name: str = ""):
        self.asked.append(name or kind_or_name)
        return self.known.get(name or kind_or_name)

    def of(self, kind: str, name: str) -> UsedTime:
        return self.used.get(name, NOTHING)

    def trainings(self, name: str) -> list[str]:
        return [job for job in self.used if job.startswith(f"{name}-")]

    def has_model(self, name: str) -> bool:
        return name in self.known

    def package(self, arn: str):
        return self.known.get(arn)

    def reopen(self, arn: str, why: str) -> None:
        self.known[arn] = replace(self.known[arn], approval="PendingManualApproval", why=why)

    def stop(self, kind: str, name: str) -> None:
        self.stopped.append(name)


@pytest.fixture
def sagemaker(gateway: OperatorGateway) -> SageMaker:
    return gateway.jobs


def connect(url: str, name: str) -> OperatorGateway:
    place = Installation(f"{name}-bucket", REGION, ACCOUNT, environment="test", prefix=name)
    return install(OperatorGateway.connect(place, url, KEY, KEY))


def install(gateway: OperatorGateway) -> OperatorGateway:
    place = gateway.installation
    objects, dynamodb = gateway.objects.client, gateway.runs.client
    objects.create_bucket(Bucket=place.bucket)
    objects.put_bucket_versioning(Bucket=place.bucket, VersioningConfiguration={"Status": "Enabled"})
    _table(dynamodb, place.documents_table, ("pipeline", "item"), {"by_item": ("item", "pipeline")})
    _table(dynamodb, place.runs_table, ("run", "item"), INDEXES)
    for name in ("events", "events-dead"):
        gateway.queue.client.create_queue(QueueName=place.name(name))
    machine(gateway, MACHINE)
    # The server has no SageMaker: what the gateway would ask it, this answers.
    sagemaker = SageMaker()
    names = ("jobs", "registry", "endpoints", "used_times")
    gateway.__dict__.update(dict.fromkeys(names, sagemaker))
    return gateway


def machine(gateway: OperatorGateway, definition: dict) -> None:
    place = gateway.installation
    states = gateway.executions.client
    text, role = json.dumps(definition), f"arn:aws:iam::{ACCOUNT}:role/x"
    if definition is MACHINE:
        states.create_state_machine(name=place.name("workflow"), definition=text, roleArn=role)
    else:
        states.update_state_machine(stateMachineArn=place.state_machine_arn, definition=text)


def _table(client, name: str, keys: tuple[str, str], indexes: dict) -> None:
    names = {*keys, *(key for index in indexes.values() for key in index)}
    request = {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": _schema(keys),
        "AttributeDefinitions": [{"AttributeName": each, "AttributeType": "S"} for each in sorted(names)],
    }
    if indexes:
        request["GlobalSecondaryIndexes"] = [
            {"IndexName": index, "KeySchema": _schema(keys), "Projection": {"ProjectionType": "ALL"}}
            for index, keys in indexes.items()
        ]
    client.create_table(**request)


def _schema(keys: tuple[str, str]) -> list[dict[str, str]]:
    return [
        {"AttributeName": name, "KeyType": kind} for name, kind in zip(keys, ("HASH", "RANGE"), strict=True)
    ]


@pytest.fixture
def waiting(gateway: OperatorGateway) -> Iterator[OperatorGateway]:
    """Executions that go on until they are stopped, as they are after the test."""
    machine(gateway, WAITING)
    yield gateway
    for execution in executions(gateway):
        if execution["status"] == "RUNNING":
            gateway.executions.stop(execution["executionArn"], "end of test")


def executions(gateway: OperatorGateway) -> list[dict]:
    found = gateway.executions.client.list_executions(stateMachineArn=gateway.installation.state_machine_arn)
    return found["executions"]


DOCUMENT = {
    "name": "prices",
    "parameters": {"limit": 3},
    "defaults": {"image": "sklearn-1.4", "instance_type": "ml.m5.large"},
    "triggers": [{"type": "code"}],
    "stages": {
        "prepare": {"kind": "processing", "code": "prepare.py", "outputs": ["clean"]},
        "train": {
            "kind": "training",
            "entry_point": "train.py",
            "include": ["lib"],
            "channels": {"train": "${stages.prepare.outputs.clean}"},
            "hyperparameters": {"limit": "${parameters.limit}"},
        },
    },
}
FILES = {"prepare.py": b"print('prepare')\n", "train.py": b"print('train')\n", "lib/shared.py": b"x = 1\n"}


@pytest.fixture
def pipeline() -> Pipeline:
    return load(DOCUMENT)


@pytest.fixture
def files() -> dict[str, bytes]:
    return dict(FILES)


@pytest.fixture
def tools():
    class Tools:
        machine = staticmethod(machine)
        executions = staticmethod(executions)
        until = staticmethod(until)
        document = DOCUMENT

    return Tools
