"""The steps that read the installation, or write an item or object and delete it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from stagewright.cli.doctor import run_checks
from stagewright.cli.doctor.target import CheckedTarget
from tools.aws_facts import rendered
from tools.aws_facts.runs import MISSING, job
from tools.aws_facts.step import (
    Step,
    Target,
    answered,
    equals,
    nothing,
)


def applied(target: Target) -> dict[str, Any]:
    """Return whether the state machine is as rendered. Calls DescribeStateMachine."""
    installation = target.gateway.installation
    answer = target.client("stepfunctions").describe_state_machine(
        stateMachineArn=installation.state_machine_arn
    )
    expected = json.loads(rendered.definition(installation))
    return {"status": answer["status"], "as rendered": json.loads(answer["definition"]) == expected}


def glue_script(target: Target) -> dict[str, Any]:
    """Read the script that an installed Glue job names, which does not exist."""
    parts = rendered.parts(target.gateway.installation)
    name = next(iter(parts["glue_jobs"].values()))["name"]
    location = target.client("glue").get_job(JobName=name)["Job"]["Command"]["ScriptLocation"]
    bucket, _, key = location.removeprefix("s3://").partition("/")
    listed = target.client("s3").list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1)
    return {"script": "exists" if listed["KeyCount"] else "does not exist"}


def tuned_values(target: Target) -> dict[str, Any]:
    """Return the hyperparameters of a training job of the tuning job."""
    sagemaker, tuning = target.client("sagemaker"), job(target, "hyper_parameter_tuning")
    listed = sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(HyperParameterTuningJobName=tuning)
    name = listed["TrainingJobSummaries"][0]["TrainingJobName"]
    return dict(sagemaker.describe_training_job(TrainingJobName=name)["HyperParameters"])


def tuned_and_fixed(answer: Any) -> Iterator[str]:
    if not str(answer.get("factor", "")).strip('"').isdigit():
        yield f"the tuned value is {answer.get('factor')!r}"
    if not any(name.startswith("sagemaker_") for name in answer):
        yield "the fixed values are missing"


def maps_compared(target: Target) -> dict[str, Any]:
    """Write an item under the condition that its map equals the old one, then under a wrong one."""
    dynamodb, table = target.client("dynamodb"), target.gateway.installation.documents_table
    key = {"pipeline": {"S": MISSING}, "item": {"S": "fact"}}
    same, other = ({"M": {"a": {"N": number}, "b": {"L": [{"S": "x"}]}}} for number in ("1", "2"))
    write = {"TableName": table, "Item": {**key, "map": same}, "ConditionExpression": "#m = :m"}
    write["ExpressionAttributeNames"] = {"#m": "map"}
    dynamodb.put_item(TableName=table, Item={**key, "map": same})
    try:
        return {
            name: answered(target, dynamodb.put_item, **write, ExpressionAttributeValues={":m": value}).get(
                "error", ""
            )
            for name, value in (("equal", same), ("other", other))
        }
    finally:
        dynamodb.delete_item(TableName=table, Key=key)


def encrypted(target: Target) -> str:
    """Write an object that requests KMS without a key, and return its key."""
    s3, where = target.client("s3"), {"Bucket": target.gateway.installation.bucket, "Key": "runs/smoke-kms"}
    s3.put_object(**where, Body=b"x", ServerSideEncryption="aws:kms")
    try:
        return str(s3.head_object(**where)["SSEKMSKeyId"])
    finally:
        s3.delete_object(**where)


def alias(answer: Any) -> Iterator[str]:
    if not answer.endswith("alias/aws/s3"):
        yield f"the key is {answer}"


def doctor(target: Target) -> list[str]:
    """Return what `stagewright doctor` finds wrong with the installation."""
    checks = run_checks(CheckedTarget(target.gateway, target.is_local))
    return [f"{check.name}: {check.found}" for check in checks if not check.ok]


STEPS = (
    Step(
        "F16",
        "the installation is applied as rendered",
        applied,
        equals({"status": "ACTIVE", "as rendered": True}),
    ),
    Step("F40", "CreateJob does not check the script", glue_script, equals({"script": "does not exist"})),
    Step("F54", "HyperParameters has fixed and tuned values", tuned_values, tuned_and_fixed),
    Step("F70", "KMS without a key is the alias aws/s3", encrypted, alias),
    Step("F75", "doctor finds the installation as it was applied", doctor, nothing),
    Step(
        "F77",
        "= compares maps",
        maps_compared,
        equals({"equal": "", "other": "ConditionalCheckFailedException"}),
    ),
)
