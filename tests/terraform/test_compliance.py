"""Each answer of tools/compliance.toml, compared with the plan of an installation or requests of a run."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import reduce
from typing import Any

import pytest
from tests.terraform.made import Made
from tests.terraform.session import ACCOUNT, ROOT, SETTINGS, Terraform, resources
from tools.compliance_reference import ANSWERS, VARIABLES, data, nist

from stagewright.document.load import load
from stagewright.installation.roles.people import people
from stagewright.naming import Installation
from stagewright.planner.model import Recorded, Trigger
from stagewright.planner.planner import plan
from stagewright.planner.release import CodeFile, Release
from stagewright.stages.base.job_settings import DEFINITIONS, FIELDS, JobSettings

LEVELS = ("ALL", "ERROR", "FATAL")
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
STRICT: dict[str, Any] = {
    "kms_key_arn": KEY,
    "subnet_ids": ["subnet-1", "subnet-2"],
    "security_group_ids": ["sg-1"],
    "log_retention_days": 365,
    "job_network_isolation": True,
    "bucket_reader_accounts": ["210987654321"],
    "enforce_job_settings": True,
    "event_accounts": {"210987654321": {"runs": ["house-price"]}},
}
"""Values of every variable that an answer names, and of those that open something to other accounts."""
CONTENT = data()
CONTROLS: dict[str, dict[str, Any]] = {control["id"]: control for control in CONTENT["control"]}
Check = Callable[[Made], bool]
TYPES = {
    "AWS::DAX::Cluster": "aws_dax_cluster",
    "AWS::Glue::MLTransform": "aws_glue_ml_transform",
    "AWS::S3::AccessPoint": "aws_s3_access_point",
    "AWS::S3::MultiRegionAccessPoint": "aws_s3control_multi_region_access_point",
    "AWS::S3Express::DirectoryBucket": "aws_s3_directory_bucket",
    "AWS::SageMaker::DataQualityJobDefinition": "aws_sagemaker_data_quality_job_definition",
    "AWS::SageMaker::NotebookInstance": "aws_sagemaker_notebook_instance",
}
RUNTIMES = ("python3.12", "python3.13", "python3.14")
DENIED_TO_OTHERS = {
    "s3:DeleteBucketPolicy",
    "s3:PutBucketAcl",
    "s3:PutBucketPolicy",
    "s3:PutEncryptionConfiguration",
    "s3:PutObjectAcl",
}


def blocks_public(made: Made) -> bool:
    block = made.one("aws_s3_bucket_public_access_block")
    names = ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")
    return all(block[name] for name in names)


def bucket_statements(made: Made) -> list[dict[str, Any]]:
    return list(json.loads(made.one("aws_s3_bucket_policy")["policy"])["Statement"])


def requires_tls(made: Made) -> bool:
    return any(
        each["Effect"] == "Deny" and each["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        for each in bucket_statements(made)
    )


def only_reads_for_others(made: Made) -> bool:
    allowed = {
        action for each in bucket_statements(made) if each["Effect"] == "Allow" for action in each["Action"]
    }
    return not allowed & DENIED_TO_OTHERS and not any("*" in action for action in allowed)


def has_lifecycle(made: Made) -> bool:
    rules = made.one("aws_s3_bucket_lifecycle_configuration")["rule"]
    return {rule["status"] for rule in rules} == {"Enabled"}


def encryption_of_bucket(made: Made) -> str:
    (rule,) = made.one("aws_s3_bucket_server_side_encryption_configuration")["rule"]
    return str(rule["apply_server_side_encryption_by_default"][0]["sse_algorithm"])


def is_private(kind: str) -> Check:
    """No statement allows everybody something without a condition that names who."""

    def check(made: Made) -> bool:
        statements = [each for policy in made.all(kind) for each in json.loads(policy["policy"])["Statement"]]
        allowed = [each for each in statements if each["Effect"] == "Allow"]
        return bool(allowed) and all(each["Principal"] != "*" for each in allowed)

    return check


def every(kind: str, accepts: Callable[[Mapping[str, Any]], Any]) -> Check:
    def check(made: Made) -> bool:
        found = made.all(kind)
        return bool(found) and all(accepts(each) for each in found)

    return check


def subnets(least: int) -> Check:
    return every(
        "aws_lambda_function",
        lambda each: bool(each["vpc_config"]) and len(each["vpc_config"][0]["subnet_ids"]) >= least,
    )


def inline_statements(made: Made) -> Iterator[dict[str, Any]]:
    for role in made.all("aws_iam_role_policy"):
        yield from json.loads(role["policy"])["Statement"]


def managed_statements(made: Made) -> Iterator[dict[str, Any]]:
    """Of the installation, and of infra/modules/people, where `kms_key` is replaced by a key."""
    for policy in made.all("aws_iam_policy"):
        yield from json.loads(policy["policy"])["Statement"]
    parts = people()
    for policy in parts["policies"].values():
        yield from policy["policy"]["Statement"]
    for policies in parts["options"].values():
        for statements in policies.values():
            yield from ({"Action": each["actions"], "Resource": each["resources"]} for each in statements)


def decrypts_named_keys(statements: Callable[[Made], Iterator[dict[str, Any]]]) -> Check:
    def check(made: Made) -> bool:
        decrypting = [
            each for each in statements(made) if {"kms:Decrypt", "kms:*", "*"} & set(each["Action"])
        ]
        return all("*" not in each["Resource"] for each in decrypting)

    return check


def names_actions(made: Made) -> bool:
    statements = [*inline_statements(made), *managed_statements(made)]
    actions = {action for each in statements for action in each["Action"]}
    return not any(re.fullmatch(r"(\w+:)?\*", action) for action in actions)


def custom_buses_have_policies(made: Made) -> bool:
    buses = {bus["name"] for bus in made.all("aws_cloudwatch_event_bus")}
    return buses == {each["event_bus_name"] for each in made.all("aws_cloudwatch_event_permission")}


def is_tagged(kind: str) -> Check:
    return every(kind, lambda each: each["tags"])


CHECKS: dict[str, Check] = {
    "S3.2": blocks_public,
    "S3.3": blocks_public,
    "S3.5": requires_tls,
    "S3.6": only_reads_for_others,
    "S3.7": lambda made: bool(made.all("aws_s3_bucket_replication_configuration")),
    "S3.8": blocks_public,
    "S3.9": lambda made: bool(made.all("aws_s3_bucket_logging")),
    "S3.10": has_lifecycle,
    "S3.12": lambda made: (
        made.one("aws_s3_bucket_ownership_controls")["rule"][0]["object_ownership"] == "BucketOwnerEnforced"
    ),
    "S3.13": has_lifecycle,
    "S3.14": lambda made: (
        made.one("aws_s3_bucket_versioning")["versioning_configuration"][0]["status"] == "Enabled"
    ),
    "S3.15": lambda made: bool(made.one("aws_s3_bucket").get("object_lock_enabled")),
    "S3.17": lambda made: encryption_of_bucket(made) == "aws:kms",
    "DynamoDB.1": every("aws_dynamodb_table", lambda each: each["billing_mode"] == "PAY_PER_REQUEST"),
    "DynamoDB.2": every("aws_dynamodb_table", lambda each: each["point_in_time_recovery"][0]["enabled"]),
    "DynamoDB.4": lambda made: bool(made.all("aws_backup_selection")),
    "DynamoDB.5": is_tagged("aws_dynamodb_table"),
    "DynamoDB.6": every("aws_dynamodb_table", lambda each: each["deletion_protection_enabled"]),
    "Lambda.1": every("aws_lambda_permission", lambda each: each["principal"] == "events.amazonaws.com"),
    "Lambda.2": every("aws_lambda_function", lambda each: each["runtime"] in RUNTIMES),
    "Lambda.3": subnets(1),
    "Lambda.5": subnets(2),
    "StepFunctions.1": every(
        "aws_sfn_state_machine", lambda each: each["logging_configuration"][0]["level"] in LEVELS
    ),
    "EventBridge.3": custom_buses_have_policies,
    "SQS.1": every(
        "aws_sqs_queue", lambda each: each.get("sqs_managed_sse_enabled") or each["kms_master_key_id"]
    ),
    "SQS.3": is_private("aws_sqs_queue_policy"),
    "SNS.1": every("aws_sns_topic", lambda each: each["kms_master_key_id"]),
    "SNS.3": is_tagged("aws_sns_topic"),
    "SNS.4": is_private("aws_sns_topic_policy"),
    "KMS.1": decrypts_named_keys(managed_statements),
    "KMS.2": decrypts_named_keys(inline_statements),
    "CloudWatch.15": every("aws_cloudwatch_metric_alarm", lambda each: each["alarm_actions"]),
    "CloudWatch.16": every("aws_cloudwatch_log_group", lambda each: each["retention_in_days"] >= 365),
    "IAM.1": names_actions,
    "IAM.21": names_actions,
    "Glue.4": every(
        "aws_glue_job",
        lambda each: each["command"][0]["name"] != "glueetl" or float(each["glue_version"]) >= 3,
    ),
}  # fmt: skip
REQUESTS = {"SageMaker.4", "SageMaker.5", "SageMaker.16"}
"""Controls about the requests of runs: checked below, without Terraform."""


@pytest.fixture(scope="module")
def plans(root: Terraform) -> dict[str, Made]:
    given = {"plain": {}, "strict": STRICT}
    shown = {name: root.plan(**SETTINGS, **settings) for name, settings in given.items()}
    return {name: Made(resources(each["planned_values"]["root_module"])) for name, each in shown.items()}


def of(*answers: str) -> list[str]:
    return [
        name for name, control in CONTROLS.items() if control["answer"] in answers and name not in REQUESTS
    ]


@pytest.mark.slow
def test_plans_are_as_the_table_answers(plans: dict[str, Made]) -> None:
    """One test for all, since both plans take longer than all the checks."""
    wrong = [
        name for name in of("default") if not (CHECKS[name](plans["plain"]) and CHECKS[name](plans["strict"]))
    ]
    wrong += [
        name for name in of("variable") if CHECKS[name](plans["plain"]) or not CHECKS[name](plans["strict"])
    ]
    wrong += [name for name in of("no") if CHECKS[name](plans["strict"])]
    wrong += [name for name in of("unused") if plans["strict"].all(TYPES[CONTROLS[name]["resource"]])]
    assert wrong == []


def test_every_answer_has_its_check() -> None:
    assert set(of("default", "variable", "no")) == CHECKS.keys()
    assert {CONTROLS[name]["resource"] for name in of("unused")} == TYPES.keys()
    assert CONTROLS.keys() >= REQUESTS
    for name in (each for each in CONTROLS if CONTROLS[each]["answer"] in ("no", "account", "document")):
        assert CONTROLS[name].get("how") or name.startswith(("IAM.", "KMS.3")), name


def test_table_is_well_formed() -> None:
    assert len(CONTROLS) == len(CONTENT["control"])
    declared = set(re.findall(r'^variable "(\w+)"', (ROOT / "infra" / "variables.tf").read_text(), re.M))
    for control in CONTROLS.values():
        assert control["answer"] in ANSWERS
        assert (control["answer"] == "variable") == bool(control.get("variables")), control["id"]
        assert set(control.get("variables", ())) <= declared & STRICT.keys()
        ids = [each for each in nist(CONTENT, control).split(", ") if each]
        assert all(re.fullmatch(r"[A-Z]{2}-\d+(\(\d+\))?", each) for each in ids), control["id"]
        assert len(set(ids)) == len(ids), control["id"]
    assert {name for names in VARIABLES.values() for name in names} <= declared


PLACE = Installation("ml-dev", "us-east-1", ACCOUNT, "dev")
JOBS = JobSettings(("subnet-1",), ("sg-1",), True, True, KEY, KEY)
TRAIN = {"kind": "training", "entry_point": "train.py"}
SERVED = {"model": "s3://${bucket}/models/model.tar.gz"}
STAGES: dict[str, Any] = {
    "prepare": {"kind": "processing", "code": "train.py", "outputs": ["rows"]},
    "train": TRAIN,
    "tune": {
        **TRAIN,
        "kind": "tuning",
        "ranges": {"depth": {"type": "integer", "min": 1, "max": 6}},
        "metrics": {"mae": "MAE: ([0-9.]+)"},
        "objective": {"metric": "mae", "goal": "minimize"},
        "max_jobs": 2,
    },
    "score": {"kind": "transform", **SERVED, "input": "s3://${bucket}/raw/"},
    "deploy": {"kind": "endpoint", **SERVED, "instance_count": 2, "capture": {"percent": 10}},
}


def planned(settings: JobSettings) -> dict[str, dict[str, Any]]:
    """Operation -> its request."""
    defaults = {"image": "sklearn-1.4", "instance_type": "ml.m5.large"}
    document = load({"name": "prices", "defaults": defaults, "stages": STAGES})
    external = {PLACE.uri(key): "1" for key in ("models/model.tar.gz", "raw/")}
    release = Release("prices", {"train.py": CodeFile("0" * 64)})
    recorded = Recorded(PLACE, release, external=external, jobs=settings)
    stages = plan(document, Trigger("manual", "m:1", "2026-01-31T14:00:00.000Z"), recorded).stages
    return {operation: request for stage in stages for operation, request in stage.requests.items()}


def field(request: Any, path: str) -> Any:
    inner = request.get(DEFINITIONS[0], request)
    return reduce(lambda value, name: (value or {}).get(name), path.split("."), inner)


@pytest.mark.parametrize(("operation", "fields"), FIELDS.items())
def test_each_variable_reaches_the_fields_of_the_table(operation: str, fields: Mapping[str, str]) -> None:
    strict, plain = planned(JOBS)[operation], planned(JobSettings())[operation]
    for setting, path in fields.items():
        assert field(strict, path) == getattr(JOBS, setting), path
        assert not field(plain, path), path


def test_controls_about_models_and_endpoints() -> None:
    strict, plain = planned(JOBS), planned(JobSettings())
    assert (CONTROLS["SageMaker.5"]["answer"], CONTROLS["SageMaker.4"]["answer"]) == ("variable", "document")
    assert strict["CreateModel"]["EnableNetworkIsolation"] is True
    assert "EnableNetworkIsolation" not in plain["CreateModel"]
    (variant,) = plain["CreateEndpointConfig"]["ProductionVariants"]
    assert variant["InitialInstanceCount"] == STAGES["deploy"]["instance_count"]
    assert CONTROLS["SageMaker.16"]["answer"] == "no"
    assert "ImageConfig" not in strict["CreateModel"]["PrimaryContainer"]
