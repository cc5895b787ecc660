"""Terraform plans that must fail, and their messages."""

from __future__ import annotations

from typing import Any

import pytest
from tests.terraform.session import SETTINGS, Terraform

pytestmark = pytest.mark.slow

REJECTED: dict[str, tuple[dict[str, Any], str]] = {
    "capitals": ({"bucket": "ML-Dev"}, 'has capital letters, which S3 does not allow. Try "ml-dev".'),
    "dots": ({"bucket": "ml.dev"}, '"ml.dev" is not a valid bucket name'),
    "environment": (
        {"environment": "produciton"},
        'There is no environment "produciton". Choose one of dev, uat, prod, or add it to `environments`.',
    ),
    "local": ({"environments": ["local"], "environment": "local"}, "`local` is reserved for laptops"),
    "prefix": ({"prefix": "My_Team"}, 'The prefix "My_Team" is not valid'),
    "layer": (
        {"at": "cn-northwest-1"},
        "No Powertools layer is published in cn-northwest-1. Publish your own",
    ),
    "layer-arn": (
        {"powertools_layer_arn": "arn:aws:lambda:powertools"},
        "must be the ARN of a layer version",
    ),
    "region": ({"region": "eu-west-1"}, "`region` is eu-west-1, but the AWS provider works in us-east-1."),
    "vpc": ({"subnet_ids": ["subnet-1"]}, "Set both subnet_ids and security_group_ids, or neither"),
    "job-vpc": (
        {"job_subnet_ids": ["subnet-1"]},
        "Set both job_subnet_ids and job_security_group_ids, or neither",
    ),
    "job-key": ({"job_volume_kms_key_arn": "alias/ours"}, "job_volume_kms_key_arn must be the ARN of a key"),
    "job-output-key": ({"job_output_kms_key_arn": "x"}, "job_output_kms_key_arn must be the ARN of a key"),
    "job-types": ({"job_instance_types": ["m5.large"]}, "job_instance_types must be instance types"),
    "nothing-to-enforce": ({"enforce_job_settings": True}, "enforce_job_settings has nothing to enforce."),
    "too-many-types": (
        {
            "enforce_job_settings": True,
            "job_instance_types": [f"ml.m{number}.large" for number in range(500)],
        },
        "job_instance_types, such as the pattern ml.m5.*.",
    ),
    "too-many-buckets": (
        {"data_buckets": [f"lake-{number:058}" for number in range(50)]},
        "characters, and IAM accepts 6144. Use fewer or shorter data_buckets,",
    ),
    "tags": ({"tags": {"Stagewright:x": "y"}}, "that begin with aws: or stagewright: are reserved"),
    "tag-value": (
        {"tags": {"note": "a=${b}"}},
        "SageMaker accepts letters, digits, spaces and _ . : / = + - @",
    ),
    "large": (
        {"tags": {f"key-{number}": "v" * 200 for number in range(20)}},
        "The settings of the functions are larger than the 4 KB that Lambda accepts.",
    ),
    "key": ({"kms_key_arn": "alias/ours"}, "kms_key_arn must be the ARN of a key"),
    "alarm": ({"alarm_thresholds": {"stuck": 1}}, "alarm_thresholds contains unknown alarms: stuck."),
    "bucket-elsewhere": (
        {"create_bucket": False, "bucket": "elsewhere-ml"},
        "The bucket elsewhere-ml is in eu-west-3 and sends no events to us-east-1.",
    ),
    "prices": (
        {"prices": "{}"},
        "prices must be the content of a file that `stagewright prices update` wrote",
    ),
    "prices-not-json": ({"prices": "prices/us-east-1.json"}, "prices must be the content of a file"),
    "prices-elsewhere": (
        {"prices": '{"format": 1, "region": "eu-west-1"}'},
        "`prices` are those of eu-west-1, but this installation is in us-east-1.",
    ),
    "boundary": ({"permissions_boundary": "boundary"}, "permissions_boundary must be the ARN of a policy"),
    "data-key": ({"data_key_arns": ["alias/theirs"]}, "data_key_arns must be ARNs of keys"),
    "data-bucket": ({"data_buckets": ["s3://lake/raw"]}, "data_buckets must be bucket names, without s3://"),
    "output-file": (
        {"output_locations": ["s3://lake/predictions"]},
        "output_locations must be folders that end in a slash",
    ),
    "output-wildcard": (
        {"output_locations": ["s3://lake/*/"]},
        "output_locations must be folders that end in a slash",
    ),
    "output-models": (
        {"output_locations": ["s3://ml-dev/models/house/"]},
        "Jobs must not write to the folders staging, manifests, releases, code, models and glue",
    ),
    "output-everything": (
        {"output_locations": ["s3://ml-dev/"]},
        "Jobs must not write to the folders staging, manifests, releases, code, models and glue",
    ),
    "log-retention": ({"log_retention_days": 45}, "must be a value that CloudWatch Logs accepts: 1, 3, 5, 7"),
    "runs-retention": ({"runs_retention_days": 7}, "must be a whole number of days, at least 14"),
    "part-of-a-day": ({"runs_retention_days": 30.5}, "must be a whole number of days"),
    "existing-bucket-retention": (
        {"create_bucket": False, "runs_retention_days": 30},
        "The lifecycle rules of an existing bucket are not managed.",
    ),
    "email": (
        {"alarm_emails": ["oncall"]},
        "alarm_emails must be e-mail addresses such as oncall@example.com.",
    ),
    "event-account": (
        {"event_accounts": {"uat": {"runs": ["prices"]}}},
        "The keys of event_accounts must be account ids of twelve digits.",
    ),
    "event-account-without-names": (
        {"event_accounts": {"210987654321": {}}},
        "Each account of event_accounts must name what it may send",
    ),
    "event-account-with-a-pattern": (
        {"event_accounts": {"210987654321": {"runs": ["*"]}}},
        "event_accounts must name model package groups under `approvals`",
    ),
    "model-account": (
        {"model_reader_accounts": ["12345"], "model_groups": {"prices": ""}},
        "model_reader_accounts must be account ids of twelve digits.",
    ),
    "nothing-shared": (
        {"model_reader_accounts": ["210987654321"]},
        "model_reader_accounts needs model_groups: only groups listed there are shared",
    ),
    "reader-account": (
        {"bucket_reader_accounts": ["12345"]},
        "bucket_reader_accounts must be account ids of twelve digits.",
    ),
    "readers": (
        {"create_bucket": False, "bucket_reader_accounts": ["210987654321"]},
        "The policy of an existing bucket is not managed.",
    ),
}


@pytest.mark.parametrize("case", REJECTED)
def test_plan_rejects_wrong_variables(root: Terraform, case: str) -> None:
    given, sentence = REJECTED[case]
    assert sentence in root.refused(**{**SETTINGS, **given})


def test_custom_layer_replaces_an_unpublished_one(root: Terraform) -> None:
    layer = "arn:aws-cn:lambda:cn-northwest-1:123456789012:layer:powertools:3"
    changes = root.plan(**SETTINGS, at="cn-northwest-1", powertools_layer_arn=layer)["resource_changes"]
    functions = [each["change"]["after"] for each in changes if each["type"] == "aws_lambda_function"]
    assert len(functions) >= 3
    assert {tuple(function["layers"]) for function in functions} == {(layer,)}
