"""What AWS would answer, made up: ARNs, ids, versions of objects."""

from __future__ import annotations

import hashlib
import json
import uuid
from typing import Any

ACCOUNT = "123456789012"
ARNS = {
    "aws_cloudwatch_dashboard": "cloudwatch::{account}:dashboard/{dashboard_name}",
    "aws_cloudwatch_event_bus": "events:{region}:{account}:event-bus/{name}",
    "aws_cloudwatch_event_rule": "events:{region}:{account}:rule/{name}",
    "aws_cloudwatch_log_group": "logs:{region}:{account}:log-group:{name}",
    "aws_cloudwatch_metric_alarm": "cloudwatch:{region}:{account}:alarm:{alarm_name}",
    "aws_dynamodb_table": "dynamodb:{region}:{account}:table/{name}",
    "aws_glue_job": "glue:{region}:{account}:job/{name}",
    "aws_iam_policy": "iam::{account}:policy{path}{name}",
    "aws_iam_role": "iam::{account}:role{path}{name}",
    "aws_kms_key": "kms:{region}:{account}:key/11111111-2222-3333-4444-555555555555",
    "aws_lambda_function": "lambda:{region}:{account}:function:{function_name}",
    "aws_s3_bucket": "s3:::{bucket}",
    "aws_s3_object": "s3:::{bucket}/{key}",
    "aws_sagemaker_model_package_group": (
        "sagemaker:{region}:{account}:model-package-group/{model_package_group_name}"
    ),
    "aws_sfn_state_machine": "states:{region}:{account}:stateMachine:{name}",
    "aws_sns_topic": "sns:{region}:{account}:{name}",
    "aws_sqs_queue": "sqs:{region}:{account}:{name}",
}
NAMES = ("bucket", "name", "function_name", "alarm_name", "dashboard_name", "model_package_group_name")
SUFFIXES = {"aws": "amazonaws.com", "aws-cn": "amazonaws.com.cn", "aws-us-gov": "amazonaws.com"}
UNVERSIONED = "unversioned"
"""A bucket whose name begins so keeps no versions."""
ELSEWHERE = "elsewhere", "eu-west-3"
"""A bucket whose name begins so lies in that region."""
ZEROS = {"string": "", "number": 0, "bool": False}


def partition_of(region: str) -> str:
    return {"cn": "aws-cn", "us-gov": "aws-us-gov"}.get(region.rpartition("-")[0].rpartition("-")[0], "aws")


def resource(kind: str, given: dict[str, Any], region: str) -> dict[str, Any]:
    """The computed attributes of an applied resource, as far as somebody may look at them."""
    known = {name: value for name, value in given.items() if value is not None}
    made: dict[str, Any] = {"region": region, "tags_all": known.get("tags") or {}}
    if kind in ARNS:
        arn = ARNS[kind].format_map({"path": "/", **known, "region": region, "account": ACCOUNT})
        made["arn"] = f"arn:{partition_of(region)}:{arn}"
    digest = hashlib.sha256(json.dumps([kind, known], sort_keys=True, default=str).encode()).hexdigest()
    made["id"] = next((known[name] for name in NAMES if name in known), digest[:20])
    match kind:
        case "aws_sns_topic" | "aws_sfn_state_machine":
            made["id"] = made["arn"]
        case "aws_sqs_queue":
            made["id"] = made["url"] = f"https://sqs.{region}.amazonaws.com/{ACCOUNT}/{known['name']}"
        case "aws_s3_object":
            made["id"] = known["key"]
            made["version_id"] = "null" if known["bucket"].startswith(UNVERSIONED) else uuid.uuid4().hex
    return made


MACHINE = ("definition", "role_arn", "publish", "logging_configuration", "encryption_configuration")
"""Attributes of a state machine whose change publishes a version. That of a tag makes it unknown only."""


def republished(prior: dict[str, Any], new: dict[str, Any], *more: str) -> bool:
    return new["publish"] and any(prior[name] != new[name] for name in (*MACHINE, *more))


def machine_version(arn: str, prior: dict[str, Any] | None, new: dict[str, Any]) -> str:
    last = int(prior["state_machine_version_arn"].rpartition(":")[2]) if prior else 0
    return f"{arn}:{last + 1 if prior is None or republished(prior, new) else last}"


def data(kind: str, given: dict[str, Any], region: str) -> dict[str, Any]:
    partition = partition_of(region)
    match kind:
        case "aws_caller_identity":
            return {"account_id": ACCOUNT, "id": ACCOUNT, "arn": f"arn:{partition}:iam::{ACCOUNT}:user/test"}
        case "aws_partition":
            return {"partition": partition, "id": partition, "dns_suffix": SUFFIXES[partition]}
        case "aws_region":
            return {"region": region, "name": region, "id": region}
        case "aws_s3_bucket":
            name, (begins, other) = given["bucket"], ELSEWHERE
            lies = other if name.startswith(begins) else region
            return {"id": name, "arn": f"arn:{partition}:s3:::{name}", "bucket_region": lies}
    raise NotImplementedError(f"data source {kind}: tests/terraform/provider/values.py does not know it")


def zero(kind: Any) -> Any:
    """The value of a computed attribute that nobody looks at."""
    if isinstance(kind, str):
        return ZEROS.get(kind)
    return {"map": {}, "object": None}.get(kind[0], [])
