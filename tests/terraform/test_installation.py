"""What the root module makes is what installation.json says, resource by resource, in every partition."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date

import pytest
from tests.support.job_settings import enforced_statements
from tests.terraform.made import Made
from tests.terraform.session import ACCOUNT, SETTINGS, Terraform, installation, resources
from tests.terraform.wanted import wanted

from stagewright.catalog.prices import Prices
from stagewright.naming import Installation
from stagewright.runs import prices as price_store
from stagewright.stages.base.job_settings import JobSettings

pytestmark = pytest.mark.slow

KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
READER = "210987654321"
PLACES = {
    "us-east-1": (
        "aws",
        "arn:aws:lambda:us-east-1:017000801446:layer:AWSLambdaPowertoolsPythonV3-python312-arm64:32",
    ),
    "cn-north-1": (
        "aws-cn",
        "arn:aws-cn:lambda:cn-north-1:498634801083:layer:AWSLambdaPowertoolsPythonV3-python312-arm64:37",
    ),
    "us-gov-west-1": (
        "aws-us-gov",
        "arn:aws-us-gov:lambda:us-gov-west-1:165093116878:layer:AWSLambdaPowertoolsPythonV3-python312-arm64:27",
    ),
}
OTHER_KEY = f"arn:aws:kms:us-east-1:{READER}:key/66666666-7777-8888-9999-000000000000"
INLINE_LIMIT, MANAGED_LIMIT = 10_240, 6_144
"""Characters of a role's inline policies and of a managed policy, white space aside (IAM quotas)."""
LONGEST = {"prefix": "p" * 20, "environment": "e" * 16, "environments": ["e" * 16], "bucket": "b" * 63}
NAME_LIMITS = {
    "aws_cloudwatch_event_permission": ("statement_id", 64),
    "aws_cloudwatch_event_rule": ("name", 64),
    "aws_cloudwatch_metric_alarm": ("alarm_name", 255),
    "aws_glue_job": ("name", 255),
    "aws_iam_role": ("name", 64),
    "aws_lambda_function": ("function_name", 64),
    "aws_lambda_permission": ("statement_id", 100),
    "aws_sfn_state_machine": ("name", 80),
    "aws_sqs_queue": ("name", 80),
}
"""Characters, in the API references of EventBridge, CloudWatch, Glue, IAM, Lambda, Step Functions and SQS."""


@pytest.mark.parametrize("region", PLACES)
def test_plan_creates_every_resource_of_the_installation(
    terraform: Callable[..., Terraform], region: str
) -> None:
    partition, layer = PLACES[region]
    root = terraform(provider=True)
    assert root.apply(**SETTINGS, at=region).code == 0
    made = Made(root.resources()).sections()
    expected = wanted(Installation("ml-dev", region, ACCOUNT, "dev", partition=partition), layer)
    assert made.keys() == expected.keys()
    for section, settings in expected.items():
        assert made[section] == settings, section


NEEDED = {
    "aws_cloudwatch_event_target": ("arn", "dead_letter_config"),
    "aws_cloudwatch_metric_alarm": ("alarm_actions",),
    "aws_lambda_event_source_mapping": ("event_source_arn", "function_name"),
    "aws_lambda_function": ("role", "logging_config"),
    "aws_lambda_permission": ("source_arn",),
    "aws_sfn_state_machine": ("role_arn", "logging_configuration"),
    "aws_sqs_queue": ("redrive_policy",),
}
"""What AWS refuses where it names something that is not there yet. Policies may name anything."""


def test_referenced_resources_are_created_first(terraform: Callable[..., Terraform]) -> None:
    root = terraform(provider=True)
    assert root.apply(**SETTINGS).code == 0
    made = root.resources()
    own = [each for each in made if not each["type"].endswith("_policy")]
    named = {each["values"]["arn"]: each for each in own if each["values"].get("arn")}
    for each in (each for each in made if each["type"] in NEEDED):
        text = json.dumps([each["values"][name] for name in NEEDED[each["type"]]])
        for arn, other in named.items():
            if re.search(rf"{re.escape(arn)}(?![\w-])", text):
                assert other["address"].partition("[")[0] in each["depends_on"], (each["address"], arn)
    roles = [each for each in made if each["type"] in ("aws_lambda_function", "aws_sfn_state_machine")]
    assert all("module.roles.aws_iam_role_policy.this" in each["depends_on"] for each in roles)


def test_second_plan_is_empty_and_destroy_removes_everything(terraform: Callable[..., Terraform]) -> None:
    root = terraform(provider=True)
    assert root.apply(**SETTINGS).code == 0
    assert root.changes(**SETTINGS) == {}
    assert root.destroy(**SETTINGS).code == 0
    assert "values" not in json.loads(root.must("show", "-json"))


def test_upgrade_gives_the_functions_the_version_that_it_publishes(
    terraform: Callable[..., Terraform],
) -> None:
    """In one apply, and with the new code: the plan does not keep the old version's ARN."""
    root = terraform(provider=True)
    assert root.apply(**SETTINGS).code == 0
    machine = root.folder.parent / "src/stagewright/artifacts/workflow.asl.json"
    machine.write_text(machine.read_text().replace('"Comment": "', '"Comment": "Next version of ', 1))
    changes = root.plan(**SETTINGS)["resource_changes"]
    unknown = {
        change["address"]: change["change"]["after_unknown"]
        for change in changes
        if change["change"]["actions"] == ["update"]
    }
    assert unknown["module.workflow.aws_sfn_state_machine.this"]["state_machine_version_arn"] is True
    for function in ("router", "recorder", "sweeper"):
        (environment,) = unknown[f'module.router.aws_lambda_function.this["{function}"]']["environment"]
        assert environment["variables"]["STAGEWRIGHT_STATE_MACHINE"] is True
    assert root.apply(**SETTINGS).code == 0
    for function in Made(root.resources()).all("aws_lambda_function"):
        (environment,) = function["environment"]
        assert environment["variables"]["STAGEWRIGHT_STATE_MACHINE"].endswith("-workflow:2")
    assert root.changes(**SETTINGS) == {}


def test_every_taggable_resource_has_the_tags(root: Terraform) -> None:
    planned = resources(root.plan(**SETTINGS, tags={"team": "ml"})["planned_values"]["root_module"])
    tagged = [each for each in planned if "tags" in each["values"]]
    owner = {"stagewright:installation": "stagewright-dev", "stagewright:environment": "dev"}
    assert len(tagged) > 40
    for each in tagged:
        assert each["values"]["tags"] == {"team": "ml", **owner}, each["address"]


MOST_OF_JOBS = {
    "job_subnet_ids": [f"subnet-{number:017}" for number in range(16)],
    "job_security_group_ids": [f"sg-{number:017}" for number in range(5)],
    "job_network_isolation": True,
    "job_encrypt_traffic": True,
    "job_volume_kms_key_arn": KEY,
    "job_output_kms_key_arn": OTHER_KEY,
    "job_instance_types": [f"ml.p4de{number:02}.24xlarge" for number in range(40)],
    "enforce_job_settings": True,
}
"""The most subnets and groups that a VpcConfig takes (API reference), and more types than anyone lists."""


def assert_policies_fit(made: Made) -> None:
    for role in made.all("aws_iam_role_policy"):
        assert len("".join(role["policy"].split())) <= INLINE_LIMIT, role["name"]
    for policy in made.all("aws_iam_policy"):
        assert len("".join(policy["policy"].split())) <= MANAGED_LIMIT, policy["name"]


def test_longest_names_are_within_aws_limits(root: Terraform) -> None:
    plan = root.plan(
        **LONGEST,
        at="us-gov-west-1",
        kms_key_arn=KEY,
        data_key_arns=[f"{OTHER_KEY}{number}" for number in range(3)],
        data_buckets=[f"{number:02}" + "d" * 61 for number in range(20)],
        output_locations=[f"s3://{number:02}" + "o" * 61 + "/predictions/" for number in range(5)],
        glue_connections=["g" * 64] * 2,
        **MOST_OF_JOBS,
        subnet_ids=["s"],
        security_group_ids=["g"],
        event_accounts={READER: {"approvals": ["g" * 63], "runs": ["p" * 40]}},
        model_source_accounts=[READER, ACCOUNT],
    )
    planned = resources(plan["planned_values"]["root_module"])
    assert_policies_fit(Made(planned))
    for kind, (name, limit) in NAME_LIMITS.items():
        names = [each["values"][name] for each in planned if each["type"] == kind]
        assert names, kind
        assert max(map(len, names)) <= limit, names


def test_customer_key_encrypts_everything_and_roles_may_use_it(root: Terraform) -> None:
    made = Made(resources(root.plan(**SETTINGS, kms_key_arn=KEY)["planned_values"]["root_module"]))
    (rule,) = made.one("aws_s3_bucket_server_side_encryption_configuration")["rule"]
    assert rule["apply_server_side_encryption_by_default"][0] == {
        "kms_master_key_id": KEY,
        "sse_algorithm": "aws:kms",
    }
    assert {each["server_side_encryption"][0]["kms_key_arn"] for each in made.all("aws_dynamodb_table")} == {
        KEY
    }
    assert {each["kms_master_key_id"] for each in made.all("aws_sqs_queue")} == {KEY}
    assert {each.get("sqs_managed_sse_enabled") for each in made.all("aws_sqs_queue")} == {None}
    assert {each["kms_master_key_id"] for each in made.all("aws_sns_topic")} == {KEY}
    assert {each["kms_key_id"] for each in made.all("aws_cloudwatch_log_group")} == {KEY}
    assert {each["kms_key_arn"] for each in made.all("aws_lambda_function")} == {KEY}
    assert made.one("aws_sfn_state_machine")["encryption_configuration"][0]["kms_key_id"] == KEY
    for role in made.all("aws_iam_role_policy"):
        key = next(each for each in json.loads(role["policy"])["Statement"] if each["Sid"] == "Key")
        assert key["Resource"] == [KEY]


def test_removing_the_key_resets_the_encryption_of_the_state_machine(root: Terraform) -> None:
    made = Made(resources(root.plan(**SETTINGS)["planned_values"]["root_module"]))
    (encryption,) = made.one("aws_sfn_state_machine")["encryption_configuration"]
    assert encryption == {
        "type": "AWS_OWNED_KEY",
        "kms_key_id": None,
        "kms_data_key_reuse_period_seconds": None,
    }


def test_key_policy_admits_services_only_for_the_installation(root: Terraform) -> None:
    plan = root.plan(**SETTINGS, kms_key_arn=KEY, bucket_reader_accounts=[READER])
    output = json.loads(plan["planned_values"]["outputs"]["kms_key_statements"]["value"])
    by = {each["Sid"]: each for each in output}
    assert {each["Effect"] for each in output} == {"Allow"}
    assert {sid: (each["Principal"], each["Condition"]) for sid, each in by.items()} == {
        "StagewrightEvents": (
            {"Service": "events.amazonaws.com"},
            {
                "StringEquals": {
                    "kms:EncryptionContext:aws:sqs:arn": [
                        f"arn:aws:sqs:us-east-1:{ACCOUNT}:stagewright-dev-{queue}"
                        for queue in ("events", "events-dead")
                    ]
                }
            },
        ),
        "StagewrightAlarms": (
            {"Service": "cloudwatch.amazonaws.com"},
            {
                "StringEquals": {
                    "kms:EncryptionContext:aws:sns:topicArn": (
                        f"arn:aws:sns:us-east-1:{ACCOUNT}:stagewright-dev-alarms"
                    )
                }
            },
        ),
        "StagewrightLogs": (
            {"Service": "logs.us-east-1.amazonaws.com"},
            {
                "ArnLike": {
                    "kms:EncryptionContext:aws:logs:arn": [
                        f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{group['name']}"
                        for _, group in sorted(installation()["log_groups"].items())
                    ]
                }
            },
        ),
        "StagewrightLogDelivery": (
            {"Service": "delivery.logs.amazonaws.com"},
            {"StringEquals": {"kms:EncryptionContext:SourceArn": f"arn:aws:logs:us-east-1:{ACCOUNT}:*"}},
        ),
        "StagewrightReaders": (
            {"AWS": [f"arn:aws:iam::{READER}:root"]},
            {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}},
        ),
    }
    assert by["StagewrightEvents"]["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]
    assert by["StagewrightLogDelivery"]["Action"] == ["kms:Decrypt*"]


KEY_BESIDE = """
module "stagewright" {
  source      = "../.."
  environment = "dev"
  bucket      = "ml-dev"
  kms_key_arn = aws_kms_key.ml.arn
}

resource "aws_kms_key" "ml" {
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{ Effect = "Allow", Principal = { AWS = "123456789012" }, Action = "kms:*", Resource = "*" }],
      jsondecode(module.stagewright.kms_key_statements),
    )
  })
}
"""


def test_key_policy_exists_before_the_key_is_used(
    terraform: Callable[..., Terraform],
) -> None:
    user = terraform("examples/key", KEY_BESIDE)
    done = user.apply()
    assert done.code == 0, done.err
    made = user.resources()
    users = [each for each in made if each["type"] in ("aws_sqs_queue", "aws_cloudwatch_log_group")]
    assert users
    assert all("aws_kms_key.ml" in each["depends_on"] for each in users)
    policy = json.loads(Made(made).one("aws_kms_key")["policy"])
    assert policy["Statement"][1]["Principal"] == {"Service": "events.amazonaws.com"}
    assert {each["kms_master_key_id"] for each in Made(made).all("aws_sqs_queue")} == {KEY}
    assert user.changes() == {}


FOLDERS = ("code", "manifests", "models", "releases", "runs", "staging")
"""What `stagewright promote` reads (docs/environments.md), and what a model's version refers to."""


def test_reader_accounts_read_only_promoted_objects(root: Terraform) -> None:
    plan = root.plan(**SETTINGS, at="cn-north-1", bucket_reader_accounts=[READER])
    made = Made(resources(plan["planned_values"]["root_module"]))
    policy = json.loads(made.one("aws_s3_bucket_policy")["policy"])
    readers = {
        each["Action"][0]: each
        for each in policy["Statement"]
        if each["Principal"] == {"AWS": [f"arn:aws-cn:iam::{READER}:root"]}
    }
    assert {action: each["Resource"] for action, each in readers.items()} == {
        "s3:ListBucket": ["arn:aws-cn:s3:::ml-dev"],
        "s3:GetBucketLocation": ["arn:aws-cn:s3:::ml-dev"],
        "s3:GetObject": [f"arn:aws-cn:s3:::ml-dev/{folder}/*" for folder in FOLDERS],
    }
    with_prefix = {action for action, each in readers.items() if "s3:prefix" in str(each.get("Condition"))}
    assert with_prefix == {"s3:ListBucket"}


@pytest.mark.parametrize("create_bucket", [True, False])
def test_prices_are_an_object_that_the_router_reads(root: Terraform, create_bucket: bool) -> None:
    prices = Prices(region="us-east-1", currency="USD", date=date(2026, 11, 27)).to_text()
    plan = root.plan(**SETTINGS, create_bucket=create_bucket, prices=prices)
    (stored,) = Made(resources(plan["planned_values"]["root_module"])).all("aws_s3_object")
    assert (stored["key"], stored["content"]) == (price_store.KEY, prices)
    without = root.plan(**SETTINGS, create_bucket=create_bucket)
    assert Made(resources(without["planned_values"]["root_module"])).all("aws_s3_object") == []


def test_roles_may_decrypt_data_under_other_keys(root: Terraform) -> None:
    plan = root.plan(**SETTINGS, kms_key_arn=KEY, data_key_arns=[OTHER_KEY])
    statements = Made(resources(plan["planned_values"]["root_module"])).statements()
    assert len(statements) == len(installation()["roles"])
    for other in (of_role["DataKeys"] for of_role in statements.values()):
        assert (other["Action"], other["Resource"]) == (["kms:Decrypt"], [OTHER_KEY])


def test_output_locations_are_writable_by_jobs_and_readable_by_all_that_read_outputs(root: Terraform) -> None:
    locations = ["s3://lake/predictions/", "s3://reports/"]
    plan = root.plan(**SETTINGS, output_locations=locations, data_buckets=["raw"], data_key_arns=[OTHER_KEY])
    made = Made(resources(plan["planned_values"]["root_module"]))
    statements = {
        role.removeprefix("stagewright-dev-"): {
            sid: (each["Action"], each["Resource"]) for sid, each in of_role.items()
        }
        for role, of_role in made.statements().items()
    }
    objects = ["arn:aws:s3:::lake/predictions/*", "arn:aws:s3:::reports/*"]
    assert statements["sagemaker"]["Outputs"] == (["s3:PutObject"], objects)
    assert statements["glue"]["Outputs"] == (["s3:PutObject", "s3:DeleteObject"], objects)
    for role in ("sagemaker", "glue"):
        assert statements[role]["OutputKeys"] == (["kms:GenerateDataKey"], [OTHER_KEY])
    for role in ("sagemaker", "glue", "workflow", "smoke-test"):
        assert statements[role]["Data"] == (["s3:GetObject"], ["arn:aws:s3:::raw/*", *objects])
    buckets = [f"arn:aws:s3:::{name}" for name in ("raw", "lake", "reports")]
    for role in ("sagemaker", "glue", "workflow", "smoke-test", "router"):
        assert statements[role]["DataBuckets"] == (["s3:ListBucket"], buckets)
    assert not {"Outputs", "OutputKeys"} & statements["workflow"].keys()
    for function in made.all("aws_lambda_function"):
        jobs = json.loads(function["environment"][0]["variables"]["STAGEWRIGHT_JOBS"])
        assert jobs["output_locations"] == locations


def test_vpc_permissions_boundary_data_buckets_and_subscribers(root: Terraform) -> None:
    boundary = f"arn:aws:iam::{ACCOUNT}:policy/boundary"
    plan = root.plan(
        **SETTINGS,
        subnet_ids=["subnet-1", "subnet-2"],
        security_group_ids=["sg-1"],
        permissions_boundary=boundary,
        data_buckets=["lake"],
        alarm_emails=["oncall@example.org"],
        notification_emails=["ml@example.org"],
        alarm_thresholds={"stuck-runs": 172800},
        allow_code_overrides=True,
        bypass_roles={"AROAEXAMPLEEXAMPLE12": "operators", "AROAEXAMPLEEXAMPLE34": "on-call"},
        four_eyes=True,
        log_retention_days=365,
        runs_retention_days=30,
        model_source_accounts=[READER],
    )
    made = Made(resources(plan["planned_values"]["root_module"]))
    for function in made.all("aws_lambda_function"):
        assert function["vpc_config"][0]["subnet_ids"] == ["subnet-1", "subnet-2"]
        assert function["environment"][0]["variables"]["STAGEWRIGHT_CODE_OVERRIDES"] == "yes"
        allowed = "AROAEXAMPLEEXAMPLE12=operators,AROAEXAMPLEEXAMPLE34=on-call"
        assert function["environment"][0]["variables"]["STAGEWRIGHT_BYPASS"] == allowed
        assert function["environment"][0]["variables"]["STAGEWRIGHT_FOUR_EYES"] == "yes"
    assert {role["permissions_boundary"] for role in made.all("aws_iam_role")} == {boundary}
    statements = made.statements()
    assert "ec2:CreateNetworkInterface" in statements["stagewright-dev-router"]["Network"]["Action"]
    assert "Network" not in statements["stagewright-dev-workflow"]
    assert statements["stagewright-dev-sagemaker"]["Data"]["Resource"] == ["arn:aws:s3:::lake/*"]
    assert statements["stagewright-dev-sagemaker"]["DataBuckets"]["Resource"] == ["arn:aws:s3:::lake"]
    packages = [f"arn:aws:sagemaker:*:{READER}:model-package/*"]
    assert statements["stagewright-dev-router"]["ForeignModelVersion"]["Resource"] == packages
    assert statements["stagewright-dev-workflow"]["ForeignModel"]["Resource"] == packages
    assert {each["endpoint"] for each in made.all("aws_sns_topic_subscription")} == {
        "oncall@example.org",
        "ml@example.org",
    }
    assert (
        made.one("aws_cloudwatch_metric_alarm", alarm_name="stagewright-dev-stuck-runs")["threshold"]
        == 172800
    )
    assert {each["retention_in_days"] for each in made.all("aws_cloudwatch_log_group")} == {365}
    rules = made.one("aws_s3_bucket_lifecycle_configuration")["rule"]
    (runs,) = [rule for rule in rules if rule["filter"][0]["prefix"] == "runs/"]
    assert runs["expiration"][0]["days"] == 30
    assert runs["noncurrent_version_expiration"][0]["noncurrent_days"] == 1
    assert not any(rule["expiration"] for rule in rules if rule is not runs)


JOBS = {
    "job_subnet_ids": ["subnet-1", "subnet-2"],
    "job_security_group_ids": ["sg-1"],
    "job_network_isolation": True,
    "job_encrypt_traffic": True,
    "job_instance_types": ["ml.m5.*"],
    "job_max_concurrency": 8,
    "tags": {"team": "prices"},
}
SETTINGS_OF_JOBS = JobSettings(
    subnets=("subnet-1", "subnet-2"),
    security_groups=("sg-1",),
    network_isolation=True,
    encrypt_traffic=True,
    kms_volume_key=KEY,
    kms_output_key=OTHER_KEY,
    instance_types=("ml.m5.*",),
    tags={"team": "prices"},
    max_concurrency=8,
)


def test_settings_of_jobs_reach_the_functions_and_are_enforced(root: Terraform) -> None:
    plan = root.plan(
        **SETTINGS, **JOBS, kms_key_arn=KEY, job_output_kms_key_arn=OTHER_KEY, enforce_job_settings=True
    )
    made = Made(resources(plan["planned_values"]["root_module"]))
    variables = made.all("aws_lambda_function")[0]["environment"][0]["variables"]
    settings = JobSettings.from_json(variables["STAGEWRIGHT_JOBS"])
    assert settings == SETTINGS_OF_JOBS
    policies = made.statements()
    workflow, jobs = policies["stagewright-dev-workflow"], policies["stagewright-dev-sagemaker"]
    denied = {sid: each for sid, each in workflow.items() if each["Effect"] == "Deny"}
    place = Installation("ml-dev", "us-east-1", ACCOUNT, "dev")
    assert denied == {each["Sid"]: each for each in enforced_statements(place, settings)}
    assert [role["role"] for role in made.all("aws_iam_role_policy_attachment")] == [
        "stagewright-dev-workflow"
    ]
    assert_policies_fit(made)
    assert "ec2:CreateNetworkInterface" in jobs["Network"]["Action"]
    assert "Network" not in policies["stagewright-dev-router"]
    assert jobs["VolumeKey"]["Resource"] == workflow["VolumeKey"]["Resource"] == [KEY]
    assert jobs["OutputKey"]["Resource"] == [OTHER_KEY]


def test_glue_jobs_run_in_the_connections_of_the_platform(root: Terraform) -> None:
    plan = root.plan(**SETTINGS, glue_connections=["vpc-a", "vpc-b"])
    made = Made(resources(plan["planned_values"]["root_module"]))
    assert [job["connections"] for job in made.all("aws_glue_job")] == [["vpc-a", "vpc-b"]] * 2
    policy = json.loads(made.one("aws_iam_role_policy", name="stagewright-dev-glue")["policy"])
    statements = {each["Sid"]: each for each in policy["Statement"]}
    place = f"arn:aws:glue:us-east-1:{ACCOUNT}"
    connections = [f"{place}:catalog", f"{place}:connection/vpc-a", f"{place}:connection/vpc-b"]
    assert statements["Connections"]["Resource"] == connections
    assert statements["TagNetwork"]["Condition"] == {
        "ForAllValues:StringEquals": {"aws:TagKeys": ["aws-glue-service-resource"]}
    }
    assert "ec2:CreateNetworkInterface" in statements["Network"]["Action"]


def test_jobs_have_no_settings_by_default_and_none_is_enforced_unasked(root: Terraform) -> None:
    for variables, settings in (({}, {}), (JOBS, {"subnets": ["subnet-1", "subnet-2"]})):
        plan = root.plan(**SETTINGS, **variables)
        made = Made(resources(plan["planned_values"]["root_module"]))
        environment = made.all("aws_lambda_function")[0]["environment"][0]["variables"]
        assert settings.items() <= json.loads(environment["STAGEWRIGHT_JOBS"]).items()
        texts = [policy["policy"] for policy in made.all("aws_iam_role_policy")]
        assert not [text for text in texts if '"Deny"' in text]
        assert made.all("aws_iam_policy") == made.all("aws_iam_role_policy_attachment") == []


def test_existing_bucket_is_changed_only_on_request(root: Terraform) -> None:
    plan = root.plan(**SETTINGS, create_bucket=False)
    planned = resources(plan["planned_values"]["root_module"])
    assert [each["type"] for each in planned if each["type"].startswith("aws_s3_")] == []
    plan = root.plan(**SETTINGS, create_bucket=False, manage_bucket_notification=True)
    planned = resources(plan["planned_values"]["root_module"])
    assert [each["type"] for each in planned if each["type"].startswith("aws_s3_")] == [
        "aws_s3_bucket_notification"
    ]


def test_model_groups_are_shared_with_deploying_accounts(root: Terraform) -> None:
    shared = {"model_groups": {"house-price": "Prices"}, "model_reader_accounts": [READER]}
    planned = root.plan(**SETTINGS, **shared)["resource_changes"]
    types = [each["type"] for each in planned if "sagemaker" in each["type"]]
    assert types == ["aws_sagemaker_model_package_group", "aws_sagemaker_model_package_group_policy"]


def test_model_group_policy_covers_the_group_and_its_packages(terraform: Callable[..., Terraform]) -> None:
    module = terraform("modules/registry")
    assert module.apply(groups={"house-price": "Prices"}, reader_accounts=[READER]).code == 0
    policy = json.loads(
        Made(module.resources()).one("aws_sagemaker_model_package_group_policy")["resource_policy"]
    )
    place = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}"
    assert {each["Resource"]: each["Principal"] for each in policy["Statement"]} == {
        f"{place}:{resource}": {"AWS": [f"arn:aws:iam::{READER}:root"]}
        for resource in ("model-package-group/house-price", "model-package/house-price/*")
    }


def test_data_is_protected_from_deletion_by_default(root: Terraform) -> None:
    for protect in (True, False):
        plan = root.plan(**SETTINGS, protect_data=protect)
        made = Made(resources(plan["planned_values"]["root_module"]))
        assert {each["deletion_protection_enabled"] for each in made.all("aws_dynamodb_table")} == {protect}
        assert made.one("aws_s3_bucket")["force_destroy"] is not protect
