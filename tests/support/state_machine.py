"""The machine on a real engine: `walk` stores a plan's pages, runs it over them, tells what happened."""

from __future__ import annotations

import itertools
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest
from tests.support.emulator import serving
from tests.support.waiting import until

from stagewright.planner.model import PLAN_FORMAT
from stagewright.planner.pages import checksum
from stagewright.state_machine.builder import build

TABLE = "test-runs"
ACCOUNT = {
    "aws_access_key_id": "test",
    "aws_secret_access_key": "test",
    "region_name": "us-east-1",
}
COUNTER = itertools.count()


@dataclass(frozen=True)
class Walked:
    """An ended execution: `items` by item key, SageMaker's `calls`, the `events` of its history."""

    status: str
    error: str
    cause: str
    items: dict
    calls: list
    events: list
    output: dict
    execution: str

    def ran(self):
        """The training stages that sent a job."""
        return {
            call["TrainingJobName"].split("-", 1)[1].rpartition("-")[0]
            for call in self.requests("createTrainingJob.sync")
        }

    def result(self, stage):
        return json.loads(self.items[f"stage#{stage}"]["result"]["S"])

    def entered(self, kind):
        """How often states of a type were entered."""
        return sum(event["type"] == f"{kind}StateEntered" for event in self.events)

    def requests(self, operation):
        return [call["request"] for call in self.calls if call["call"] == operation]


class Engine:
    def __init__(self, url: str, log: Path) -> None:
        self.log = log
        self.dynamodb, self.s3, self.states = (
            boto3.client(service, endpoint_url=url, **ACCOUNT)
            for service in ("dynamodb", "s3", "stepfunctions")
        )
        self.dynamodb.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[
                {"AttributeName": "run", "KeyType": "HASH"},
                {"AttributeName": "item", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("run", "item")],
        )
        self.s3.create_bucket(Bucket="bucket")
        self.s3.put_bucket_versioning(Bucket="bucket", VersioningConfiguration={"Status": "Enabled"})
        self.s3.put_object(Bucket="bucket", Key="model.tar.gz", Body=b"a model")
        text = json.dumps(build()).replace("${partition}", "aws").replace("${runs_table}", TABLE)
        created = self.states.create_state_machine(
            name="workflow", definition=text, roleArn="arn:aws:iam::000000000000:role/x"
        )
        self.machine = created["stateMachineArn"]

    def put(self, run: str, item: str, **attributes: str) -> None:
        values = {name: {"S": value} for name, value in attributes.items()}
        self.dynamodb.put_item(TableName=TABLE, Item={"run": {"S": run}, "item": {"S": item}, **values})

    def walk(
        self, waves, plan="d1", pages_stored=True, plan_stored=True, format=PLAN_FORMAT,  # noqa: A002
        edit_plan=str, edit_page=str,
    ) -> Walked:  # fmt: skip
        """`waves`: per wave its chains, all on one page; a dict per wave gives pages by name.

        `edit_plan`, `edit_page` change the text of a stored item after its checksum was taken.
        """
        run = f"run-{next(COUNTER)}"
        paged = [wave if isinstance(wave, dict) else {f"{n}-0": wave} for n, wave in enumerate(waves)]
        texts = [{name: json.dumps(chains) for name, chains in wave.items()} for wave in paged]
        listed = json.dumps([[f"{name}-{checksum(text)}" for name, text in wave.items()] for wave in texts])
        plan = f"{checksum(listed)}-{plan}"
        if plan_stored:
            self.put(run, f"plan#{plan}", waves=edit_plan(listed))
        for name, text in ((name, text) for wave in texts for name, text in wave.items()):
            if pages_stored:
                self.put(run, f"page#{plan}#{name}-{checksum(text)}", chains=edit_page(text))
        before = len(self.log.read_text().splitlines())
        started = self.states.start_execution(
            stateMachineArn=self.machine,
            name=run,
            input=json.dumps({"run": run, "plan": plan, "format": format}),
        )
        return self._ended(run, started["executionArn"], before)

    def _ended(self, run: str, execution: str, before: int) -> Walked:
        until(lambda: self.states.describe_execution(executionArn=execution)["status"] != "RUNNING")
        answer = self.states.describe_execution(executionArn=execution)
        key = {":run": {"S": run}}
        found = self.dynamodb.query(
            TableName=TABLE, KeyConditionExpression="run = :run", ExpressionAttributeValues=key
        )
        history = self.states.get_paginator("get_execution_history").paginate(executionArn=execution)
        seen = [json.loads(line) for line in self.log.read_text().splitlines()[before:]]
        return Walked(
            answer["status"],
            answer.get("error", ""),
            answer.get("cause", ""),
            {item["item"]["S"]: item for item in found["Items"]},
            seen,
            [event for page in history for event in page["events"]],
            json.loads(answer.get("output") or "{}"),
            execution,
        )


@pytest.fixture(scope="session")
def engine(tmp_path_factory):
    folder = tmp_path_factory.mktemp("engine")
    log = folder / "seen.jsonl"
    log.touch()
    program = Path(__file__).with_name("state_machine_engine.py")
    with serving(folder, lambda port: [sys.executable, str(program), str(port), str(log)]) as url:
        yield Engine(url, log)


def make_stage(name: str, kind: str, requests: dict, bindings=(), **fields) -> dict:
    """A stage as pages hold it. `bindings`: dotted paths; the token of `a.b` is `<<a.b>>`."""
    return {
        "name": name,
        "kind": kind,
        "job": f"run-{name}-1",
        "fingerprint": f"f-{name}",
        "inputs": '{"code": "x"}',
        "stage_key": f"p#default#{name}",
        "attempt": 1,
        "timeout": 3600,
        "outputs": {},
        "metrics": {},
        "requests": {operation: json.dumps(request) for operation, request in requests.items()},
        "bindings": [{"token": f"<<{path}>>", "path": path.split(".")} for path in bindings],
        **fields,
    }


@pytest.fixture(scope="session")
def stage():
    return make_stage


@pytest.fixture(scope="session")
def train():
    def make(name: str, bindings=(), **request) -> dict:
        fields = {"TrainingJobName": f"run-{name}-1", **request}
        return make_stage(name, "training", {"CreateTrainingJob": fields}, bindings)

    return make
