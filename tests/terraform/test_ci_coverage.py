"""The role that applies may create every resource of an installation, whatever a later version adds."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from tests.support.ci_policies import EVERY_OPTION, may, statements
from tests.terraform.session import ACCOUNT, ROOT, Terraform, resources

from stagewright.installation.roles.ci import BOUNDARY_ARN
from stagewright.installation.template import fill
from stagewright.naming import Installation

REGION = "eu-west-1"
ACCOUNTS = {
    "dev": {"dev": ACCOUNT, "uat": "210987654321", "prod": "321098765432"},
    "uat": {"dev": "210987654321", "uat": ACCOUNT, "prod": "321098765432"},
}
Values = Mapping[str, Any]


def arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


def bucket(values: Values) -> str:
    return f"arn:aws:s3:::{values.get('bucket', 'acme-ml-dev')}"


def rule(values: Values) -> str:
    bus = values.get("event_bus_name")
    inside = f"{bus}/" if bus else ""
    return arn("events", f"rule/{inside}{values.get('name') or values['rule']}")


def role(values: Values) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/{values['name']}"


def anything(_: Values) -> str:
    return "*"


def named(service: str, template: str) -> Callable[[Values], str]:
    return lambda values: arn(service, template.format_map(values))


CREATES: dict[str, tuple[str, Callable[[Values], str]]] = {
    "aws_cloudwatch_dashboard": (
        "cloudwatch:PutDashboard",
        lambda values: f"arn:aws:cloudwatch::{ACCOUNT}:dashboard/{values['dashboard_name']}",
    ),
    "aws_cloudwatch_event_bus": ("events:CreateEventBus", named("events", "event-bus/{name}")),
    "aws_cloudwatch_event_permission": ("events:PutPermission", anything),
    "aws_cloudwatch_event_rule": ("events:PutRule", rule),
    "aws_cloudwatch_event_target": ("events:PutTargets", rule),
    "aws_cloudwatch_log_group": ("logs:CreateLogGroup", named("logs", "log-group:{name}")),
    "aws_cloudwatch_log_metric_filter": (
        "logs:PutMetricFilter",
        named("logs", "log-group:{log_group_name}"),
    ),
    "aws_cloudwatch_metric_alarm": ("cloudwatch:PutMetricAlarm", named("cloudwatch", "alarm:{alarm_name}")),
    "aws_dynamodb_table": ("dynamodb:CreateTable", named("dynamodb", "table/{name}")),
    "aws_dynamodb_table_item": ("dynamodb:PutItem", named("dynamodb", "table/{table_name}")),
    "aws_glue_job": ("glue:CreateJob", named("glue", "job/{name}")),
    "aws_iam_role": ("iam:CreateRole", role),
    "aws_iam_role_policy": ("iam:PutRolePolicy", role),
    "aws_iam_policy": ("iam:CreatePolicy", lambda values: f"arn:aws:iam::{ACCOUNT}:policy/{values['name']}"),
    "aws_iam_role_policy_attachment": (
        "iam:AttachRolePolicy",
        lambda values: f"arn:aws:iam::{ACCOUNT}:role/{values['role']}",
    ),
    "aws_lambda_event_source_mapping": ("lambda:CreateEventSourceMapping", anything),
    "aws_lambda_function": ("lambda:CreateFunction", named("lambda", "function:{function_name}")),
    "aws_lambda_permission": ("lambda:AddPermission", named("lambda", "function:{function_name}")),
    "aws_s3_bucket": ("s3:CreateBucket", bucket),
    "aws_s3_bucket_lifecycle_configuration": ("s3:PutLifecycleConfiguration", bucket),
    "aws_s3_bucket_notification": ("s3:PutBucketNotification", bucket),
    "aws_s3_bucket_ownership_controls": ("s3:PutBucketOwnershipControls", bucket),
    "aws_s3_bucket_policy": ("s3:PutBucketPolicy", bucket),
    "aws_s3_bucket_public_access_block": ("s3:PutBucketPublicAccessBlock", bucket),
    "aws_s3_bucket_server_side_encryption_configuration": ("s3:PutEncryptionConfiguration", bucket),
    "aws_s3_bucket_versioning": ("s3:PutBucketVersioning", bucket),
    "aws_s3_object": ("s3:PutObject", lambda values: f"{bucket(values)}/{values['key']}"),
    "aws_sagemaker_model_package_group": (
        "sagemaker:CreateModelPackageGroup",
        named("sagemaker", "model-package-group/{model_package_group_name}"),
    ),
    "aws_sagemaker_model_package_group_policy": (
        "sagemaker:PutModelPackageGroupPolicy",
        named("sagemaker", "model-package-group/{model_package_group_name}"),
    ),
    "aws_sfn_state_machine": ("states:CreateStateMachine", named("states", "stateMachine:{name}")),
    "aws_sns_topic": ("sns:CreateTopic", named("sns", "{name}")),
    "aws_sns_topic_policy": ("sns:SetTopicAttributes", anything),
    "aws_sns_topic_subscription": ("sns:Subscribe", anything),
    "aws_sqs_queue": ("sqs:CreateQueue", named("sqs", "{name}")),
    "aws_sqs_queue_policy": ("sqs:SetQueueAttributes", anything),
}
"""Type of resource -> the action that creates it, and its ARN."""
UNKNOWN_ARN = {
    "aws_s3_bucket_lifecycle_configuration",
    "aws_s3_bucket_notification",
    "aws_s3_bucket_ownership_controls",
    "aws_s3_bucket_policy",
    "aws_s3_bucket_public_access_block",
    "aws_s3_bucket_server_side_encryption_configuration",
    "aws_s3_bucket_versioning",
    "aws_sns_topic_policy",
    "aws_sns_topic_subscription",
    "aws_sqs_queue_policy",
}
"""Parts of a resource whose ARN a plan does not know. The action alone must be allowed."""
PUSHED = {"aws_dynamodb_table_item", "aws_s3_object"}
APART = {"terraform_data", "aws_kms_key"}
"""Not of the installation: the key of the example, and what only Terraform has."""


@pytest.mark.slow
@pytest.mark.parametrize("environment", ACCOUNTS)
def test_apply_may_create_every_resource_of_a_full_installation(
    terraform: Callable[..., Terraform], environment: str
) -> None:
    place = Installation(f"acme-ml-{environment}", REGION, ACCOUNT, environment, "ml")
    keys = {
        "iam__PermissionsBoundary": fill(BOUNDARY_ARN, place),
        "lambda__FunctionArn": place.arn("lambda", f"function:{place.name('router')}"),
    }
    user = terraform("examples/full")
    shutil.copytree(ROOT / "examples" / "house-price", user.folder / "pipelines" / "house-price")
    plan = user.plan(
        environment=environment, accounts=ACCOUNTS[environment], region=REGION,
        permissions_boundary=f"arn:aws:iam::{ACCOUNT}:policy/team",
        subnet_ids=["subnet-1"], security_group_ids=["sg-1"],
    )  # fmt: skip
    planned = [each for each in resources(plan["planned_values"]["root_module"]) if each["type"] not in APART]
    kinds = {each["type"] for each in planned}
    assert kinds <= CREATES.keys(), "add the action to CREATES, and to installation/roles/terraform_calls.py"
    missing = {"dev": {"aws_cloudwatch_event_bus", "aws_cloudwatch_event_permission"}, "uat": PUSHED}
    assert CREATES.keys() - kinds == missing[environment]
    allowed = {
        action for each in statements("apply", *EVERY_OPTION, place=place) for action in each["actions"]
    }
    for each in planned:
        action, arn_of = CREATES[each["type"]]
        if each["type"] in UNKNOWN_ARN:
            assert action in allowed, each["address"]
            continue
        resource = arn_of(each["values"])
        if each["type"] == "aws_iam_role_policy_attachment":
            keys["iam__PolicyARN"] = f"arn:aws:iam::{ACCOUNT}:policy/ml-{environment}-{each['index']}"
        assert may("apply", action, resource, *EVERY_OPTION, place=place, **keys), (each["address"], resource)
        assert not may("plan", action, resource, *EVERY_OPTION, place=place, **keys), each["address"]
