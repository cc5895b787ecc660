"""What the CI roles may and may not do, by their policies and the boundary of the roles that CI creates."""

from __future__ import annotations

import json

import pytest
from tests.support.ci_policies import EVERY_OPTION, HERE, allows, may, policy, rendered, statements

from stagewright.installation.roles import ROLES
from stagewright.installation.roles.ci import ci
from stagewright.installation.roles.options import OPTIONS
from stagewright.installation.template import fill
from stagewright.naming import Installation
from stagewright.runs import prices

LONGEST = Installation("b" * 63, "ap-southeast-2", "123456789012", "e" * 16, "p" * 20)
OTHER = Installation("ml-dev-eu", "eu-west-1", "123456789012", "dev-eu")
"""Its names begin with those of `HERE`."""
POLICY_CHARACTERS, POLICIES = 6144, 10
"""IAM's quotas of a managed policy and of a role ("IAM and AWS STS quotas")."""


def role_arn(place: Installation, name: str, path: str = "/") -> str:
    return f"arn:aws:iam::{place.account}:role{path}{place.name(name)}"


OBJECT = f"arn:aws:s3:::{HERE.bucket}/"
TABLE = HERE.arn("dynamodb", f"table/{HERE.documents_table}")
RUNS = HERE.arn("dynamodb", f"table/{HERE.runs_table}")
ROUTER = HERE.arn("lambda", f"function:{HERE.name('router')}")
BOUNDARY = "arn:aws:iam::123456789012:policy/stagewright-ci/stagewright-dev-boundary"
READS_DATA = [
    ("s3:GetObject", f"{OBJECT}runs/x"),
    ("s3:GetObject", f"{OBJECT}models/x"),
    ("s3:GetObject", f"{OBJECT}releases/x"),
    ("s3:GetObject", f"{OBJECT}raw/sales.csv"),
    ("s3:GetObjectVersion", f"{OBJECT}raw/sales.csv"),
    ("dynamodb:GetItem", RUNS),
    ("dynamodb:Query", RUNS),
    ("dynamodb:Query", TABLE),
    ("dynamodb:Scan", TABLE),
    ("sqs:ReceiveMessage", HERE.arn("sqs", HERE.name("events"))),
    ("logs:GetLogEvents", HERE.arn("logs", "log-group:/aws/lambda/stagewright-dev-router:*")),
    ("logs:FilterLogEvents", HERE.arn("logs", "log-group:/aws/lambda/stagewright-dev-router:*")),
    ("states:GetExecutionHistory", HERE.arn("states", "execution:stagewright-dev-workflow:x")),
    ("states:DescribeExecution", HERE.arn("states", "execution:stagewright-dev-workflow:x")),
    ("ssm:GetParameter", HERE.arn("ssm", "parameter/x")),
    ("secretsmanager:GetSecretValue", HERE.arn("secretsmanager", "secret:x")),
    ("sagemaker:InvokeEndpoint", HERE.arn("sagemaker", "endpoint/x")),
]


@pytest.mark.parametrize(("action", "resource"), READS_DATA)
def test_plan_and_apply_read_no_data(action: str, resource: str) -> None:
    for role in ("plan", "apply"):
        assert not may(role, action, resource, *EVERY_OPTION)


def test_plan_reads_pushed_files_only_where_an_apply_pushes() -> None:
    for action, resource in (
        ("s3:GetObject", f"{OBJECT}staging/p/train.py"),
        ("s3:GetObject", f"{OBJECT}manifests/p.json"),
        ("dynamodb:GetItem", TABLE),
    ):
        assert may("plan", action, resource, "push")
        assert not may("plan", action, resource, *(set(EVERY_OPTION) - {"push"}))


def test_prices_are_written_in_every_environment() -> None:
    assert may("apply", "s3:PutObject", f"{OBJECT}{prices.KEY}")
    assert may("plan", "s3:GetObject", f"{OBJECT}{prices.KEY}")
    assert not may("apply", "s3:PutObject", f"{OBJECT}staging/p/train.py")
    assert not may("plan", "s3:PutObject", f"{OBJECT}{prices.KEY}")


@pytest.mark.parametrize(
    ("service", "allowed"), [("lambda", True), ("states", True), ("ssm", False), ("", False)]
)
def test_plan_decrypts_only_for_services_that_it_reads(service: str, allowed: bool) -> None:
    (statement,) = [each for each in statements("plan", "kms_key") if each["sid"] == "Key"]
    keys = {"kms__ViaService": f"{service}.{HERE.region}.amazonaws.com"} if service else {}
    document = policy([{**statement, "resources": [HERE.arn("kms", "key/1")]}])
    assert allows(document, "kms:Decrypt", HERE.arn("kms", "key/1"), HERE, **keys) is allowed


def test_plan_changes_nothing() -> None:
    written = {
        action
        for statement in statements("plan", *EVERY_OPTION)
        for action in statement["actions"]
        if not action.partition(":")[2].startswith(("Get", "List", "Describe", "Validate"))
    }
    assert written == {"kms:Decrypt"}


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("s3:DeleteBucket", f"arn:aws:s3:::{HERE.bucket}"),
        ("s3:DeleteObject", f"{OBJECT}runs/x"),
        ("s3:DeleteObjectVersion", f"{OBJECT}models/x"),
        ("s3:PutObject", f"{OBJECT}models/x"),
        ("s3:PutObject", f"{OBJECT}releases/x"),
        ("dynamodb:DeleteTable", RUNS),
        ("dynamodb:PutItem", RUNS),
        ("states:StartExecution", HERE.state_machine_arn),
        ("lambda:InvokeFunction", ROUTER),
        ("sagemaker:CreateTrainingJob", HERE.arn("sagemaker", "training-job/x")),
        ("iam:CreateUser", "arn:aws:iam::123456789012:user/x"),
        ("iam:CreatePolicyVersion", BOUNDARY),
        ("iam:AttachRolePolicy", role_arn(HERE, "router")),
        ("iam:DeleteRolePermissionsBoundary", role_arn(HERE, "router")),
        ("sts:AssumeRole", role_arn(HERE, "router")),
    ],
)
def test_apply_cannot_delete_data_start_runs_or_leave_its_boundary(action: str, resource: str) -> None:
    assert not may("apply", action, resource, *EVERY_OPTION, iam__PermissionsBoundary=BOUNDARY)


IAM_WRITES = (
    "CreateRole",
    "PutRolePolicy",
    "PutRolePermissionsBoundary",
    "UpdateAssumeRolePolicy",
    "DeleteRole",
)


@pytest.mark.parametrize("action", IAM_WRITES)
def test_apply_changes_no_role_of_ci_and_none_of_another_installation(action: str) -> None:
    keys = {"iam__PermissionsBoundary": BOUNDARY}
    assert may("apply", f"iam:{action}", role_arn(HERE, "router"), *EVERY_OPTION, **keys)
    for arn in (
        *(role_arn(HERE, role, "/stagewright-ci/") for role in ci()["roles"]),
        *(role_arn(HERE, role) for role in ci()["roles"]),
        role_arn(OTHER, "router"),
        role_arn(HERE, "anything"),
        "arn:aws:iam::123456789012:role/Admin",
    ):
        assert not may("apply", f"iam:{action}", arn, *EVERY_OPTION, **keys), arn


@pytest.mark.parametrize("action", ["CreateRole", "PutRolePolicy", "PutRolePermissionsBoundary"])
def test_apply_creates_no_role_without_the_boundary(action: str) -> None:
    router = role_arn(HERE, "router")
    assert not may("apply", f"iam:{action}", router)
    other = "arn:aws:iam::aws:policy/AdministratorAccess"
    assert not may("apply", f"iam:{action}", router, iam__PermissionsBoundary=other)


def test_apply_passes_roles_only_to_the_services_that_run_them() -> None:
    router = role_arn(HERE, "router")
    assert may("apply", "iam:PassRole", router, iam__PassedToService="lambda.amazonaws.com")
    assert not may("apply", "iam:PassRole", router, iam__PassedToService="ec2.amazonaws.com")
    assert not may(
        "apply", "iam:PassRole", role_arn(OTHER, "router"), iam__PassedToService="lambda.amazonaws.com"
    )


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("lambda:UpdateFunctionCode", OTHER.arn("lambda", f"function:{OTHER.name('router')}")),
        ("states:UpdateStateMachine", OTHER.state_machine_arn),
        ("dynamodb:UpdateTable", OTHER.arn("dynamodb", f"table/{OTHER.runs_table}")),
        ("s3:PutBucketPolicy", f"arn:aws:s3:::{OTHER.bucket}"),
        ("s3:PutObject", f"arn:aws:s3:::{OTHER.bucket}/manifests/p.json"),
        ("sqs:SetQueueAttributes", OTHER.arn("sqs", OTHER.name("events"))),
        ("events:PutRule", OTHER.arn("events", f"rule/{OTHER.name('sweep')}")),
        ("cloudwatch:DeleteAlarms", OTHER.arn("cloudwatch", f"alarm:{OTHER.name('stuck-runs')}")),
        ("logs:DeleteLogGroup", OTHER.arn("logs", f"log-group:/aws/lambda/{OTHER.name('router')}")),
    ],
)
def test_apply_changes_nothing_of_another_installation(action: str, resource: str) -> None:
    own = resource.replace(OTHER.bucket, HERE.bucket).replace(OTHER.id, HERE.id)
    assert may("apply", action, own, *EVERY_OPTION)
    assert not may("apply", action, resource, *EVERY_OPTION)


def test_promotion_roles_split_reading_and_writing() -> None:
    manifest = f"{OBJECT}manifests/p.json"
    assert may("promote", "s3:PutObject", manifest)
    assert not may("promote", "s3:PutObject", f"{OBJECT}releases/x")
    assert not may("promote", "lambda:UpdateFunctionCode", ROUTER)
    assert may("promote-source", "s3:GetObjectVersion", manifest)
    for action in ("s3:PutObject", "s3:DeleteObject"):
        assert not may("promote-source", action, manifest)
    assert not may("promote-source", "dynamodb:PutItem", TABLE)
    assert not may("promote-source", "s3:GetObject", f"{OBJECT}models/x")


def test_boundary_allows_every_action_of_the_installation_s_roles() -> None:
    """AWS allows what both the policy and the boundary allow, so a missing action would fail at run time."""
    added = [statement for by_role in OPTIONS.values() for role in by_role.values() for statement in role]
    allowed = {action for statement in ci()["boundary"]["statements"] for action in statement["actions"]}
    bounded = policy(rendered()["boundary"]["statements"])
    for statement in (*(statement for role in ROLES for statement in role.statements), *added):
        assert statement.effect == "Deny" or set(statement.actions) <= allowed
    for role in ROLES:
        for statement in json.loads(fill(json.dumps(role.to_json()["statements"]), HERE)):
            for action in statement["actions"]:
                for resource in statement["resources"]:
                    assert allows(bounded, action, resource, HERE), (role.key, action, resource)


def test_boundary_allows_no_change_of_roles_and_no_other_bucket() -> None:
    actions = {action for statement in ci()["boundary"]["statements"] for action in statement["actions"]}
    assert {action for action in actions if action.startswith(("iam:", "sts:"))} == {"iam:PassRole"}
    s3 = next(each for each in rendered()["boundary"]["statements"] if each["sid"] == "S3")
    assert all(arn.startswith((f"arn:aws:s3:::{HERE.bucket}", "data_", "output_")) for arn in s3["resources"])


def test_policies_fit_iam_s_quotas_with_the_longest_names() -> None:
    parts = rendered(LONGEST)
    for role, settings in parts["roles"].items():
        options = [each for by_role in parts["role_options"].values() for each in by_role.get(role, ())]
        policies = [*settings["policies"].values(), options]
        assert len(policies) <= POLICIES
        for found in policies:
            assert len(json.dumps(policy(found), separators=(",", ":"))) < POLICY_CHARACTERS - 600, role
    boundary = policy(parts["boundary"]["statements"])
    assert len(json.dumps(boundary, separators=(",", ":"))) < POLICY_CHARACTERS - 600


def test_apply_changes_only_the_bus_and_rules_of_its_installation() -> None:
    for place, expected in ((HERE, True), (OTHER, False)):
        bus = place.arn("events", f"event-bus/{place.name('accounts')}")
        rule = place.arn("events", f"rule/{place.name('accounts')}/{place.id}-111122223333-runs")
        assert may("apply", "events:CreateEventBus", bus, "event_accounts") is expected
        assert may("apply", "events:PutTargets", rule, "event_accounts") is expected
        assert may("plan", "events:DescribeRule", rule, "event_accounts") is expected
    assert not may("apply", "events:PutRule", HERE.arn("events", "rule/other"), *EVERY_OPTION)
