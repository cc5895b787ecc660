"""Full use of an installation under each role's policy: allowed, denied, and unused permissions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.e2e import enforced_use
from tests.e2e.enforced import Enforced, serving

from sagemaker_local.state_folder import REGION
from stagewright.document.load import load
from stagewright.local.artifacts import Artifacts
from stagewright.local.state import INSTALLATION
from stagewright.planner.model import Recorded, Trigger
from stagewright.planner.planner import plan
from stagewright.planner.release import Release
from stagewright.stages.base.request import as_tags

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.fixture(scope="module")
def enforced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Enforced]:
    with serving(tmp_path_factory.mktemp("state")) as place:
        yield place


@pytest.fixture(scope="module")
def used(enforced: Enforced, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What was judged while an installation was used for all that it is there for."""
    enforced_use.artifact(enforced)
    enforced_use.example(enforced)
    _add_foreign(enforced)
    enforced_use.every_kind(enforced, tmp_path_factory.mktemp("function"))
    enforced_use.gathered(enforced)
    enforced_use.versions(enforced)
    enforced_use.triggered(enforced)
    enforced_use.cancelled(enforced)
    with pytest.MonkeyPatch.context() as patch:
        enforced_use.mended(enforced, patch)
    enforced_use.recounted(enforced)
    return enforced.judged()


BUCKET, RUNS, DOCUMENTS = INSTALLATION.bucket, INSTALLATION.runs_table, INSTALLATION.documents_table
JOBS = INSTALLATION.arn("iam", f"role/{INSTALLATION.name('sagemaker')}").replace(f":{REGION}:", "::")
OTHER_ROLE = JOBS.replace("sagemaker", "router")
TAGGED = as_tags(INSTALLATION.tags)
OTHER = replace(INSTALLATION, prefix="another")
"""An installation in the same account, for an environment of the same name."""
THEIRS = as_tags(OTHER.tags)
ENDPOINT, JOB = {"EndpointName": "shared-local"}, {"ProcessingJobName": "theirs"}
ENDPOINT_ARN = INSTALLATION.arn("sagemaker", "endpoint/shared-local")
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
    ("recorder", "s3", "get_object", {"Bucket": BUCKET, "Key": "staging/house-price.json"}),
    ("recorder", "dynamodb", "put_item", {"TableName": DOCUMENTS, "Item": KEY}),
    ("recorder", "dynamodb", "scan", {"TableName": RUNS}),
    ("router", "sagemaker", "stop_processing_job", JOB),
    ("smoke-test", "sagemaker-runtime", "invoke_endpoint", {**ENDPOINT, "Body": b"1"}),
    ("smoke-test", "s3", "put_object", {"Bucket": BUCKET, "Key": "runs/x", "Body": b""}),
    ("smoke-test", "s3", "get_object", {"Bucket": "foreign", "Key": "x"}),
    ("smoke-test", "dynamodb", "get_item", {"TableName": RUNS, "Key": KEY}),
    ("smoke-test", "sagemaker", "delete_endpoint", ENDPOINT),
    ("sweeper", "sagemaker", "delete_model", {"ModelName": "theirs"}),
    ("sweeper", "sagemaker", "delete_endpoint", ENDPOINT),
    ("sweeper", "cloudwatch", "delete_alarms", {"AlarmNames": ["foreign"]}),
    ("sweeper", "s3", "get_object", {"Bucket": BUCKET, "Key": "staging/house-price.json"}),
    ("sweeper", "dynamodb", "put_item", {"TableName": DOCUMENTS, "Item": KEY}),
    ("workflow", "sagemaker", "create_model", _model(OTHER_ROLE, TAGGED)),
    ("workflow", "sagemaker", "create_model", _model(JOBS, [])),
    ("workflow", "sagemaker", "create_model", _model(JOBS, THEIRS)),
    ("workflow", "sagemaker", "delete_model", {"ModelName": "theirs"}),
    ("workflow", "sagemaker", "delete_endpoint", ENDPOINT),
    ("workflow", "sagemaker", "update_endpoint", {**ENDPOINT, "EndpointConfigName": "x"}),
    ("workflow", "sagemaker", "add_tags", {"ResourceArn": ENDPOINT_ARN, "Tags": TAGGED}),
    ("workflow", "sagemaker", "stop_processing_job", JOB),
    ("workflow", "cloudwatch", "delete_alarms", {"AlarmNames": ["foreign"]}),
    ("workflow", "dynamodb", "scan", {"TableName": RUNS}),
    ("workflow", "dynamodb", "put_item", {"TableName": RUNS, "Item": KEY}),
    ("workflow", "dynamodb", "get_item", {"TableName": DOCUMENTS, "Key": KEY}),
    ("workflow", "s3", "put_object", {"Bucket": BUCKET, "Key": "runs/x", "Body": b""}),
    ("workflow", "s3", "put_object", {"Bucket": BUCKET, "Key": "releases/p/plans/r/x", "Body": b""}),
    ("workflow", "s3", "delete_object", {"Bucket": BUCKET, "Key": "models/house-price/x"}),
    ("workflow", "lambda", "invoke", {"FunctionName": INSTALLATION.name("router")}),
    ("sagemaker", "s3", "put_object", {"Bucket": BUCKET, "Key": "manifests/x.json", "Body": b"{}"}),
    ("sagemaker", "s3", "put_object", {"Bucket": BUCKET, "Key": "code/house-price/x", "Body": b""}),
    ("sagemaker", "s3", "put_object", {"Bucket": BUCKET, "Key": "models/house-price/x", "Body": b""}),
    ("sagemaker", "s3", "put_object", {"Bucket": BUCKET, "Key": "releases/p/plans/r/x", "Body": b""}),
    ("sagemaker", "s3", "put_object", {"Bucket": BUCKET, "Key": "staging/house-price.json", "Body": b""}),
    ("sagemaker", "s3", "delete_object", {"Bucket": BUCKET, "Key": "runs/x"}),
    ("sagemaker", "s3", "list_objects_v2", {"Bucket": "foreign"}),
    ("sagemaker", "dynamodb", "get_item", {"TableName": RUNS, "Key": KEY}),
    ("sagemaker", "sagemaker", "create_model", _model(JOBS, TAGGED)),
    ("sagemaker", "stepfunctions", "start_execution", {"stateMachineArn": FOREIGN}),
    ("sagemaker", "secretsmanager", "get_secret_value", {"SecretId": "x"}),
    ("glue", "s3", "put_object", {"Bucket": BUCKET, "Key": "manifests/x.json", "Body": b"{}"}),
    ("glue", "s3", "put_object", {"Bucket": BUCKET, "Key": "models/house-price/x", "Body": b""}),
    ("glue", "s3", "delete_object", {"Bucket": BUCKET, "Key": "models/house-price/x"}),
    ("router", "s3", "put_object", {"Bucket": BUCKET, "Key": "models/house-price/x", "Body": b""}),
    ("glue", "dynamodb", "get_item", {"TableName": RUNS, "Key": KEY}),
]
BOTH_HAVE = {
    "name": "shared",
    "defaults": enforced_use.DEFAULTS,
    "stages": {"deploy": enforced_use.SERVING},
}
ITSELF = "what the service does itself on AWS; here it does so without the role"
FILES = "the local server keeps the logs of jobs in files"
EARLIER = "an event from before the current push: its triggers are those of an earlier manifest"
UNUSED = {
    "r* OwnLog logs:*": ITSELF,
    "s* OwnLog logs:*": ITSELF,
    "router Queue sqs:*": ITSELF,
    "workflow ManagedRules events:*": ITSELF,
    "workflow LogDelivery logs:*": ITSELF,
    "workflow TagOwn sagemaker:AddTags": ITSELF,
    "sagemaker Image* ecr:*": ITSELF,
    "sagemaker Logs logs:*": FILES,
    "glue Logs logs:*": FILES,
    "smoke-test List s3:ListBucket": "without it S3 says of a missing file that access is denied",
    "recorder List s3:ListBucket": "without it S3 says of a missing manifest that access is denied",
    "recorder List s3:ListBucketVersions": EARLIER,
    "recorder Manifests s3:GetObjectVersion": EARLIER,
    "sweeper Manifests s3:GetObject": "triggers of the current push, when a batch or a tick was missed",
    "sagemaker Metrics cloudwatch:PutMetricData": "metrics that a container sends itself",
    "workflow MissingMetrics s3:ListBucket": "without it S3 says of a missing file that access is denied",
    "workflow *GlueJobs glue:GetJobRuns": "the policy for `.sync` in the Step Functions guide has it",
    "router ModelApproval sagemaker:UpdateModelPackage": "a decision at the same moment as the registry's",
    "sweeper Stop states:StopExecution": "a run that nobody could start within an hour",
    "glue List s3:GetBucketLocation": "AWSGlueServiceRole has it; no script here needs it",
}
"""Role, statement and action, as patterns -> why none of this needs it."""


def _add_foreign(enforced: Enforced) -> None:
    """What belongs to others in the same account: a bucket, a table, and what another installation made."""
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
    sagemaker, image = enforced.client("sagemaker"), _serve(enforced)
    sagemaker.create_model(
        ModelName="theirs", ExecutionRoleArn=JOBS, PrimaryContainer={"Image": image}, Tags=THEIRS
    )
    sagemaker.create_processing_job(
        **JOB,
        RoleArn=JOBS,
        AppSpecification={"ImageUri": image, "ContainerEntrypoint": ["true"]},
        ProcessingResources={
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
        },
        Tags=THEIRS,
    )


def _serve(enforced: Enforced) -> str:
    """Makes the endpoint that another installation's plan asks for; the image."""
    trigger = Trigger("manual", "manual:theirs", "2026-01-31T14:00:00.000Z", "test")
    recorded = Recorded(OTHER, Release("shared", {}), external={OTHER.uri("models/model.tar.gz"): "1"})
    (stage,) = plan(load({**BOTH_HAVE, "triggers": []}), trigger, recorded).stages
    sagemaker = enforced.client("sagemaker")
    sagemaker.create_model(**stage.requests["CreateModel"])
    sagemaker.create_endpoint_config(**stage.requests["CreateEndpointConfig"])
    sagemaker.create_endpoint(**stage.requests["CreateEndpoint"])
    sagemaker.get_waiter("endpoint_in_service").wait(**ENDPOINT, WaiterConfig={"Delay": 1})
    return str(stage.requests["CreateModel"]["PrimaryContainer"]["Image"])


def test_policies_allow_every_request_of_normal_use(used: list[dict[str, Any]]) -> None:
    assert [each for each in used if not each["allowed"]] == []
    assert {each["role"] for each in used} == set(Artifacts.read(INSTALLATION).resources["roles"])


def test_every_unused_permission_has_a_documented_reason(used: list[dict[str, Any]]) -> None:
    seen = {f"{each['role']} {each['sid']} {each['action']}" for each in used}
    roles = Artifacts.read(INSTALLATION).resources["roles"]
    allowed = {
        f"{what} {statement['Sid']} {action}"
        for what, role in roles.items()
        for statement in role["policy"]["Statement"]
        for action in statement["Action"]
    }
    idle = sorted(allowed - seen)
    assert [each for each in idle if not any(fnmatchcase(each, pattern) for pattern in UNUSED)] == []
    assert [pattern for pattern in UNUSED if not any(fnmatchcase(each, pattern) for each in idle)] == []


@pytest.mark.parametrize(("role", "service", "operation", "request_"), FORBIDDEN)
def test_role_is_denied_forbidden_requests(
    enforced: Enforced,
    used: list[dict[str, Any]],
    role: str,
    service: str,
    operation: str,
    request_: dict[str, Any],
) -> None:
    before = len(enforced.judged())
    with pytest.raises(ClientError) as denied:
        getattr(enforced.client(service, role), operation)(**request_)
    assert denied.value.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException")
    assert (role, False) in {(each["role"], each["allowed"]) for each in enforced.judged()[before:]}


def test_run_rejects_endpoint_of_another_installation(enforced: Enforced, used: list[dict[str, Any]]) -> None:
    found = enforced.client("sagemaker").describe_endpoint(**ENDPOINT)
    run = enforced.over(enforced.push(BOTH_HAVE, {}))
    assert run.reason.startswith(
        "deploy: endpoint shared-local was not created by this installation (its tag "
        "stagewright:installation is not stagewright-local)"
    )
    again = enforced.client("sagemaker").describe_endpoint(**ENDPOINT)
    assert again["EndpointConfigName"] == found["EndpointConfigName"]


def test_denied_requests_change_no_resources(enforced: Enforced, used: list[dict[str, Any]]) -> None:
    enforced.client("s3").head_bucket(Bucket=INSTALLATION.bucket)
    sagemaker = enforced.client("sagemaker")
    assert sagemaker.describe_model(ModelName="theirs")["ModelName"] == "theirs"
    assert sagemaker.describe_endpoint(**ENDPOINT)["EndpointStatus"] == "InService"
    assert sagemaker.list_tags(ResourceArn=ENDPOINT_ARN)["Tags"][-2:] == THEIRS
    assert enforced.client("dynamodb").scan(TableName="foreign")["Count"] == 0
    assert "Contents" not in enforced.client("s3").list_objects_v2(Bucket="foreign")
