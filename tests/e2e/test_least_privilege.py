"""The example's whole way, each role under its own policy; what the policies refuse; what nobody used."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from tests.e2e.enforcement import JUDGED, ROLES

from stagewright import specfile
from stagewright.local import server as local
from stagewright.local.artifacts import Artifacts
from stagewright.local.state import INSTALLATION, REGION, State
from stagewright.plan.requests.setting import as_tags
from stagewright.run import release
from stagewright.run.folder import scan
from stagewright.run.gateway import Gateway
from stagewright.run.history import find_run, show
from stagewright.spec.canonical import document_json
from stagewright.spec.pipeline import Pipeline

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "house-price"
pytestmark = [pytest.mark.e2e]


@dataclass(frozen=True)
class Enforced:
    server: local.Server
    gateway: Gateway

    def client(self, service: str, role: str | None = None) -> Any:
        """As a role, or as whoever may do everything."""
        keys = json.loads((self.server.state / ROLES).read_text())
        key = keys[role] if role else (self.server.access_key, self.server.secret_key)
        config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
        session = boto3.Session(*key, region_name=REGION)
        return session.client(service, endpoint_url=self.server.url, config=config)  # type: ignore[call-overload]

    def judged(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.server.state / JUDGED).read_text().splitlines()]


@pytest.fixture(scope="module")
def enforced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Enforced]:
    root = tmp_path_factory.mktemp("state")
    State(root).create()
    State(root).set_lasting(True)
    with (root / "server.log").open("w") as log:
        command = [sys.executable, "-m", "tests.e2e.enforcement", "--state", str(root)]
        started = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, start_new_session=True)
    try:
        deadline = time.monotonic() + 60
        while (server := local.find(root)) is None:
            assert started.poll() is None, (root / "server.log").read_text()[-2000:]
            assert time.monotonic() < deadline
            time.sleep(0.05)
        gateway = Gateway.connect(INSTALLATION, server.url, server.access_key, server.secret_key)
        yield Enforced(server, gateway)
    finally:
        local.down(root)
        started.wait(timeout=30)


@pytest.fixture(scope="module")
def used(enforced: Enforced) -> list[dict[str, Any]]:
    """What was judged while the example was served, failed at its gate, and replaced what it served, and
    while the sweeper took the endpoint away."""
    sales = EXAMPLE / "data" / "ames_house_sales.csv"
    enforced.client("s3").upload_file(str(sales), INSTALLATION.bucket, f"raw/house-price/{sales.name}")
    tested = {
        "smoke_test": {"body": (EXAMPLE / "house.json").read_text()},
        "alarms": {"errors": {"metric": "Invocation5XXErrors", "threshold": 1}},
        "update": {"bake": "1s"},
        "time_to_live": "1s",
    }
    assert _pushed(enforced) == "SUCCEEDED"
    _add_foreign(enforced)
    assert _pushed(enforced, min_r2=0.999) == "FAILED"
    assert _pushed(enforced, deploy=tested) == "SUCCEEDED"
    time.sleep(1)
    event = {"detail-type": "Scheduled Event", "detail": {"patience": 0}}
    functions = enforced.client("lambda")
    swept = functions.invoke(FunctionName=INSTALLATION.name("sweeper"), Payload=json.dumps(event))
    assert "FunctionError" not in swept, swept["Payload"].read()
    assert enforced.client("sagemaker").list_endpoints()["Endpoints"] == []
    return enforced.judged()


def _pushed(enforced: Enforced, min_r2: float = 0.88, deploy: dict[str, Any] | None = None) -> str:
    """How the run of this version of the example ended."""
    document = json.loads(document_json(specfile.read(EXAMPLE / "pipeline.yaml")))
    document["parameters"]["min_r2"] = min_r2
    document["stages"]["deploy"].update(deploy or {})
    pipeline = Pipeline.model_validate_json(json.dumps(document))
    run = _ended(
        enforced.gateway, release.push(enforced.gateway, pipeline, scan(EXAMPLE / "code")).trigger_key
    )
    refused = [each for each in enforced.judged() if not each["allowed"]]
    assert refused == [], run.reason
    return str(run.status)


def _ended(gateway: Gateway, key: str | None) -> Any:
    assert key
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        run = find_run(gateway, key)
        if run and (record := show(gateway, run)).ended:
            return record
        time.sleep(0.2)
    pytest.fail("the run did not end within 300 s")


BUCKET, RUNS, DOCUMENTS = INSTALLATION.bucket, INSTALLATION.runs_table, INSTALLATION.documents_table
JOBS = INSTALLATION.arn("iam", f"role/{INSTALLATION.name('sagemaker')}").replace(f":{REGION}:", "::")
OTHER_ROLE = JOBS.replace("sagemaker", "router")
TAGGED = as_tags(INSTALLATION.tags)
KEY = {"run": {"S": "x"}, "item": {"S": "x"}}
FOREIGN = INSTALLATION.arn("states", "stateMachine:foreign")


def _model(role: str, tags: list[dict[str, str]]) -> dict[str, Any]:
    return {"ModelName": "forbidden", "ExecutionRoleArn": role, "Tags": tags}


FORBIDDEN: list[tuple[str, str, str, dict[str, Any]]] = [
    ("router", "s3", "delete_bucket", {"Bucket": BUCKET}),
    ("router", "s3", "put_object", {"Bucket": BUCKET, "Key": "manifests/x.json", "Body": b"{}"}),
    ("router", "s3", "delete_object", {"Bucket": BUCKET, "Key": "manifests/house-price.json"}),
    ("router", "s3", "put_object", {"Bucket": "foreign", "Key": "code/x", "Body": b""}),
    ("router", "dynamodb", "scan", {"TableName": RUNS}),
    ("router", "dynamodb", "delete_item", {"TableName": DOCUMENTS, "Key": KEY}),
    ("router", "dynamodb", "get_item", {"TableName": "foreign", "Key": KEY}),
    ("router", "dynamodb", "delete_table", {"TableName": RUNS}),
    ("router", "stepfunctions", "start_execution", {"stateMachineArn": FOREIGN}),
    ("router", "sagemaker", "create_model", _model(JOBS, TAGGED)),
    ("router", "iam", "create_role", {"RoleName": "x", "AssumeRolePolicyDocument": "{}"}),
    ("router", "secretsmanager", "get_secret_value", {"SecretId": "x"}),
    ("recorder", "stepfunctions", "start_execution", {"stateMachineArn": FOREIGN}),
    ("recorder", "s3", "get_object", {"Bucket": BUCKET, "Key": "manifests/house-price.json"}),
    ("recorder", "dynamodb", "put_item", {"TableName": DOCUMENTS, "Item": KEY}),
    ("recorder", "dynamodb", "scan", {"TableName": RUNS}),
    ("sweeper", "sagemaker", "delete_model", {"ModelName": "foreign"}),
    ("sweeper", "cloudwatch", "delete_alarms", {"AlarmNames": ["foreign"]}),
    ("sweeper", "s3", "get_object", {"Bucket": BUCKET, "Key": "manifests/house-price.json"}),
    ("sweeper", "dynamodb", "put_item", {"TableName": DOCUMENTS, "Item": KEY}),
    ("workflow", "sagemaker", "create_model", _model(OTHER_ROLE, TAGGED)),
    ("workflow", "sagemaker", "create_model", _model(JOBS, [])),
    ("workflow", "sagemaker", "delete_model", {"ModelName": "foreign"}),
    ("workflow", "dynamodb", "scan", {"TableName": RUNS}),
    ("workflow", "dynamodb", "put_item", {"TableName": RUNS, "Item": KEY}),
    ("workflow", "dynamodb", "get_item", {"TableName": DOCUMENTS, "Key": KEY}),
    ("workflow", "s3", "put_object", {"Bucket": BUCKET, "Key": "runs/x", "Body": b""}),
    ("workflow", "lambda", "invoke", {"FunctionName": INSTALLATION.name("router")}),
    ("sagemaker", "s3", "put_object", {"Bucket": BUCKET, "Key": "manifests/x.json", "Body": b"{}"}),
    ("sagemaker", "s3", "put_object", {"Bucket": BUCKET, "Key": "code/house-price/x", "Body": b""}),
    ("sagemaker", "s3", "delete_object", {"Bucket": BUCKET, "Key": "runs/x"}),
    ("sagemaker", "s3", "list_objects_v2", {"Bucket": "foreign"}),
    ("sagemaker", "dynamodb", "get_item", {"TableName": RUNS, "Key": KEY}),
    ("sagemaker", "sagemaker", "create_model", _model(JOBS, TAGGED)),
    ("sagemaker", "stepfunctions", "start_execution", {"stateMachineArn": FOREIGN}),
    ("sagemaker", "secretsmanager", "get_secret_value", {"SecretId": "x"}),
    ("glue", "s3", "put_object", {"Bucket": BUCKET, "Key": "manifests/x.json", "Body": b"{}"}),
    ("glue", "dynamodb", "get_item", {"TableName": RUNS, "Key": KEY}),
]
KINDS = "other kinds of stages than the example's"
ITSELF = "what the service does itself on AWS; here it does so without the role"
ENDS = "runs that are stopped, lost or dropped"
SHARED = "one statement for whoever opens, closes or mends runs"
UNUSED = {
    "glue *": KINDS,
    "workflow glue:*": KINDS,
    "workflow lambda:InvokeFunction": KINDS,
    "workflow sagemaker:*HyperParameterTuningJob": KINDS,
    "workflow sagemaker:*TransformJob": KINDS,
    "workflow dynamodb:BatchGetItem": "values that a later wave needs; the example is one chain",
    "workflow s3:ListBucket": "without it S3 says of a missing metrics file that access is denied",
    "workflow cloudwatch:DescribeAlarms": "nobody says with whose rights SageMaker reads alarms: fidelity.md",
    "workflow sagemaker:Stop*": ENDS,
    "workflow sagemaker:Delete*": "endpoints that failed, and versions that are no longer kept",
    "workflow events:*": ITSELF,
    "workflow logs:*": ITSELF,
    "r* logs:*": ITSELF,
    "sweeper logs:*": ITSELF,
    "router sqs:ReceiveMessage": ITSELF,
    "router sqs:DeleteMessage": ITSELF,
    "router sqs:GetQueueAttributes": ITSELF,
    "sagemaker ecr:*": ITSELF,
    "sagemaker logs:DescribeLogStreams": ITSELF,
    "sagemaker s3:GetBucketLocation": ITSELF,
    "sagemaker cloudwatch:PutMetricData": "metrics that a container sends itself",
    "sagemaker s3:AbortMultipartUpload": "uploads that were interrupted",
    "router sns:Publish": "refused runs",
    "* states:SendTask*": "approvals",
    "* sagemaker:UpdateModelPackage": "approvals",
    "sweeper sagemaker:DescribeModelPackage": "approvals",
    "recorder dynamodb:PutItem": SHARED,
    "router sagemaker:DescribeModel": KINDS,
    "router sagemaker:ListModelPackages": "gates that compare with a champion",
    "router s3:ListBucketVersions": "inputs whose versions are looked up",
    "router *Stop*": "runs of cancel-running, which stop the one before",
    "router sagemaker:Describe*Job": "runs of cancel-running, which stop the one before",
    "router glue:*": "runs of cancel-running, which stop the one before",
    "r* sqs:GetQueueUrl": "data that settles, and pipelines upstream",
    "r* sqs:SendMessage": "data that settles, and pipelines upstream",
    "recorder dynamodb:BatchWriteItem": SHARED,
    "sweeper dynamodb:*": SHARED,
    "sweeper states:*": ENDS,
    "sweeper sqs:*": ENDS,
    "sweeper sns:Publish": ENDS,
}
"""Role and action, as patterns -> why the example does not need it."""


def _add_foreign(enforced: Enforced) -> None:
    """What belongs to somebody else in the same account: a bucket, a table, a model."""
    enforced.client("s3").create_bucket(Bucket="foreign")
    enforced.client("dynamodb").create_table(
        TableName="foreign",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": "run", "KeyType": "HASH"},
            {"AttributeName": "item", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("run", "item")],
    )
    sagemaker = enforced.client("sagemaker")
    (model,) = sagemaker.list_models()["Models"]
    like = sagemaker.describe_model(ModelName=model["ModelName"])
    container = {"ModelPackageName": next(iter(_packages(like)))}
    sagemaker.create_model(ModelName="foreign", ExecutionRoleArn=JOBS, PrimaryContainer=container)


def _packages(model: dict[str, Any]) -> list[str]:
    containers = [model["PrimaryContainer"]] if "PrimaryContainer" in model else model["Containers"]
    return [each["ModelPackageName"] for each in containers]


def test_the_whole_way_needs_nothing_that_a_policy_does_not_allow(used: list[dict[str, Any]]) -> None:
    assert [each for each in used if not each["allowed"]] == []
    assert {each["role"] for each in used} == {"router", "recorder", "sweeper", "workflow", "sagemaker"}


def test_every_permission_is_used_or_has_its_reason(used: list[dict[str, Any]]) -> None:
    seen = {f"{each['role']} {each['action']}" for each in used}
    roles = Artifacts.read(INSTALLATION).resources["roles"]
    allowed = {
        f"{what} {action}"
        for what, role in roles.items()
        for statement in role["policy"]["Statement"]
        for action in statement["Action"]
    }
    idle = sorted(allowed - seen)
    assert [each for each in idle if not any(fnmatchcase(each, pattern) for pattern in UNUSED)] == []
    assert [pattern for pattern in UNUSED if not any(fnmatchcase(each, pattern) for each in idle)] == []


@pytest.mark.parametrize(("role", "service", "operation", "request_"), FORBIDDEN)
def test_what_a_role_must_not_do_is_denied(
    enforced: Enforced,
    used: list[dict[str, Any]],
    role: str,
    service: str,
    operation: str,
    request_: dict[str, Any],
) -> None:
    with pytest.raises(ClientError) as denied:
        getattr(enforced.client(service, role), operation)(**request_)
    assert denied.value.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException")
    (last,) = enforced.judged()[-1:]
    assert (last["role"], last["allowed"]) == (role, False)


def test_what_was_denied_is_untouched(enforced: Enforced, used: list[dict[str, Any]]) -> None:
    enforced.client("s3").head_bucket(Bucket=INSTALLATION.bucket)
    assert enforced.client("sagemaker").describe_model(ModelName="foreign")["ModelName"] == "foreign"
    assert enforced.client("dynamodb").scan(TableName="foreign")["Count"] == 0
    assert "Contents" not in enforced.client("s3").list_objects_v2(Bucket="foreign")
