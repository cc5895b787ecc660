"""What an installation consists of, checked against docs/architecture.md and against itself."""

from __future__ import annotations

import importlib
import json
import re
from datetime import UTC, datetime

import ministack.services.eventbridge as eventbridge
import pytest

from stagewright.installation.resources import resources
from stagewright.installation.roles import ROLES
from stagewright.installation.template import fill
from stagewright.local.glue import arguments as glue_arguments
from stagewright.local.glue import protocol as glue_protocol
from stagewright.naming import Installation
from stagewright.state_machine.builder import build

HERE = Installation("my-bucket", "eu-west-1", "123456789012", "dev")


@pytest.fixture(scope="module")
def parts() -> dict:
    return json.loads(fill(json.dumps(resources()), HERE))


def test_tables_have_the_documented_keys(parts):
    documents, runs = parts["tables"]["documents"], parts["tables"]["runs"]
    assert (documents["hash_key"], documents["range_key"]) == ("pipeline", "item")
    assert documents["indexes"] == {
        "by_item": {
            "hash_key": "item",
            "range_key": "pipeline",
            "projection": "INCLUDE",
            "non_key_attributes": ["sha256"],
        }
    }
    assert (runs["hash_key"], runs["range_key"]) == ("run", "item")
    assert {
        name: (index["hash_key"], index["range_key"], index["projection"])
        for name, index in runs["indexes"].items()
    } == {
        "by_pipeline": ("pipeline", "created", "ALL"),
        "by_stage": ("stage_key", "ended", "ALL"),
        "open_runs": ("open", "created", "ALL"),
    }
    assert (documents["ttl"], runs["ttl"]) == (None, "expires")
    for table in (documents, runs):
        used = {table["hash_key"], table["range_key"]}
        used |= {index[key] for index in table["indexes"].values() for key in ("hash_key", "range_key")}
        assert set(table["attributes"]) == used
        assert (table["billing_mode"], table["point_in_time_recovery"]) == ("PAY_PER_REQUEST", True)


def test_bucket_is_versioned_private_and_sends_events(parts):
    bucket = parts["bucket"]
    assert bucket["versioning"] is bucket["eventbridge"] is bucket["block_public_access"] is True
    assert bucket["encryption"] == "AES256"
    (deny,) = bucket["policy"]["Statement"]
    assert (deny["Effect"], deny["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    assert deny["Resource"] == ["arn:aws:s3:::my-bucket", "arn:aws:s3:::my-bucket/*"]


def test_visibility_timeout_is_six_times_the_routers_timeout(parts):
    events, router = parts["queues"]["events"], parts["functions"]["router"]
    assert events["visibility_timeout"] >= 6 * router["timeout"]
    assert events["redrive"] == {"dead_letter_arn": parts["queues"]["events-dead"]["arn"], "max_receives": 5}
    assert parts["event_sources"]["events"]["function_response_types"] == ["ReportBatchItemFailures"]


def test_only_the_installations_rules_can_send(parts):
    allow = [each for each in parts["queues"]["events"]["policy"]["Statement"] if each["Effect"] == "Allow"]
    assert [each["Principal"] for each in allow] == [{"Service": "events.amazonaws.com"}]
    assert allow[0]["Condition"]["ArnLike"]["aws:SourceArn"] == [
        HERE.arn("events", "rule/stagewright-dev-accounts/*"),
        *(parts["rules"][name]["arn"] for name in ("release", "data", "model-approval", "manual", "tick")),
    ]


def event(source, kind, detail) -> dict:
    return {
        "version": "0",
        "id": "1",
        "source": source,
        "detail-type": kind,
        "account": HERE.account,
        "region": "eu-west-1",
        "time": datetime.now(UTC).isoformat(),
        "resources": [],
        "detail": detail,
    }


def matches(pattern, what) -> bool:
    return eventbridge._matches_pattern(json.dumps(pattern), eventbridge._event_from_test_payload(what))


def created(bucket, key) -> dict:
    return event("aws.s3", "Object Created", {"bucket": {"name": bucket}, "object": {"key": key}})


def ended(machine, status) -> dict:
    return event(
        "aws.states", "Step Functions Execution Status Change", {"stateMachineArn": machine, "status": status}
    )


def decided(status) -> dict:
    detail = {"ModelPackageGroupName": "g", "ModelPackageArn": "arn", "ModelApprovalStatus": status}
    return event("aws.sagemaker", "SageMaker Model Package State Change", detail)


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        (created("my-bucket", "manifests/house-price.json"), {"release"}),
        (created("my-bucket", "staging/house-price/train.py"), set()),
        (created("my-bucket", "code/house-price/abc/files/train.py"), set()),
        (created("my-bucket", "runs/house-price/r/train/model.tar.gz"), set()),
        (created("my-bucket", "glue/script.py"), set()),
        (created("my-bucket", "raw/house-price/2026-01-31/_SUCCESS"), {"data"}),
        (created("my-bucket", "manifest"), {"data"}),
        (created("other", "raw/house-price/_SUCCESS"), set()),
        (created("other", "manifests/house-price.json"), set()),
        (decided("Approved"), {"model-approval"}),
        (decided("Rejected"), {"model-approval"}),
        (decided("PendingManualApproval"), set()),
        (event("stagewright", "Run Requested", {"installation": HERE.id, "pipeline": "p"}), {"manual"}),
        (event("stagewright", "Run Requested", {"installation": "other", "pipeline": "p"}), set()),
        (event("elsewhere", "Run Requested", {}), set()),
        (ended(HERE.state_machine_arn, "FAILED"), {"run-status"}),
        (ended(HERE.state_machine_arn, "RUNNING"), set()),
        (ended(HERE.state_machine_arn + "-x", "FAILED"), set()),
    ],
)
def test_event_matches_the_expected_rules(parts, what, expected):
    rules = {name: rule["pattern"] for name, rule in parts["rules"].items() if rule["pattern"]}
    assert {name for name, pattern in rules.items() if matches(pattern, what)} == expected


@pytest.mark.parametrize(
    "what",
    [
        created("my-bucket", "manifests/house-price.json"),
        created("my-bucket", "raw/house-price/2026-01-31/_SUCCESS"),
        decided("Approved"),
        event("stagewright", "Run Requested", {"installation": HERE.id, "pipeline": "p"}),
        ended(HERE.state_machine_arn, "SUCCEEDED"),
    ],
)
def test_event_of_another_account_matches_no_rule(parts, what):
    foreign = {**what, "account": "210987654321"}
    for name, rule in parts["rules"].items():
        if rule["pattern"]:
            assert not matches(rule["pattern"], foreign), name


def test_rule_targets_exist(parts):
    for rule in parts["rules"].values():
        kind, name = rule["target"]["kind"], rule["target"]["name"]
        arn = (
            parts["queues"][name]["arn"]
            if kind == "queue"
            else HERE.arn("lambda", f"function:{parts['functions'][name]['name']}")
        )
        assert rule["target"]["arn"] == arn
    schedules = {name: rule["schedule"] for name, rule in parts["rules"].items() if rule["schedule"]}
    assert schedules == {"sweep": "rate(5 minutes)", "tick": "rate(1 minute)"}


@pytest.mark.parametrize("name", ["router", "recorder", "sweeper", "smoke-test"])
def test_each_function_has_its_role_log_and_handler(parts, name):
    function = parts["functions"][name]
    assert (function["runtime"], function["architecture"], function["reserved_concurrency"]) == (
        "python3.12",
        "arm64",
        None,
    )
    assert function["role"] in parts["roles"]
    assert parts["log_groups"][name] == {"name": f"/aws/lambda/{HERE.name(name)}", "retention_days": 90}
    environment = function["environment"]
    assert environment["STAGEWRIGHT_BUCKET"] == "my-bucket"
    assert environment["STAGEWRIGHT_TOPIC"] == parts["topics"]["notifications"]["arn"]
    module, handler = function["handler"].rsplit(".", 1)
    assert callable(getattr(importlib.import_module(module), handler))


def test_state_machine_logs_errors_without_data(parts):
    machine = parts["state_machine"]
    assert (machine["logging"]["level"], machine["logging"]["include_execution_data"]) == ("ERROR", False)
    assert machine["logging"]["log_group"] == parts["log_groups"]["workflow"]["name"]


ACTIONS = {
    "s3:copyObject": "s3:PutObject",
    "s3:headObject": "s3:GetObject",
    "lambda:invoke": "lambda:InvokeFunction",
}
"""Those that IAM does not call as the API does."""


def tasks(machine):
    for state in machine["States"].values():
        if state["Type"] == "Task":
            yield state["Resource"].split(":::")[1]
        if "ItemProcessor" in state:
            yield from tasks(state["ItemProcessor"])


def allowed(role: str) -> set[str]:
    return {
        action
        for each in ROLES
        if each.key == role
        for statement in each.statements
        for action in statement.actions
    }


def test_workflow_role_allows_every_task_and_the_needs_of_sync():
    needed = set()
    for resource in tasks(build()):
        service, call = resource.removeprefix("aws-sdk:").partition(".")[0].split(":")
        service = service.removesuffix("runtime")  # its actions have SageMaker's own prefix
        needed.add(ACTIONS.get(f"{service}:{call}", f"{service}:{call[0].upper()}{call[1:]}"))
        if resource == "glue:startJobRun.sync":
            needed |= {"glue:GetJobRun", "glue:GetJobRuns", "glue:BatchStopJobRun"}
        elif resource.endswith(".sync"):
            job = call.removeprefix("create")
            needed |= {
                f"sagemaker:Describe{job}",
                f"sagemaker:Stop{job}",
                "sagemaker:AddTags",
                "events:PutTargets",
                "events:PutRule",
                "events:DescribeRule",
            }
    assert needed <= allowed("workflow")


@pytest.mark.parametrize("function", ["router", "sweeper"])
def test_only_router_and_sweeper_can_apply_decisions(function):
    needed = {
        "states:SendTaskSuccess",
        "states:SendTaskFailure",
        "sagemaker:DescribeModelPackage",
        "sagemaker:UpdateModelPackage",
    }
    assert needed <= allowed(function)
    assert not needed & allowed("recorder")


def test_glue_jobs_and_functions_belong_to_the_installation_or_carry_its_tag(parts):
    wanted = {"StringEquals": {"aws:ResourceTag/stagewright:installation": HERE.id}}
    matches = {each["sid"]: each for each in parts["roles"]["workflow"]["statements"]}
    assert matches["GlueJobs"]["resources"] == [job["arn"] for job in parts["glue_jobs"].values()]
    assert matches["GlueJobs"]["conditions"] == {}
    assert matches["TaggedGlueJobs"]["conditions"] == matches["Functions"]["conditions"] == wanted
    assert matches["Functions"]["resources"] == [HERE.arn("lambda", "function:*")]
    for job in parts["glue_jobs"].values():
        assert job["arn"].startswith(HERE.arn("glue", f"job/{HERE.id}-"))
        assert job["tags"] == {"stagewright:installation": HERE.id, "stagewright:environment": "dev"}
        assert parts["roles"][job["role"]]["service"] == "glue.amazonaws.com"


def test_local_glue_accepts_the_installations_jobs(parts):
    """By the local Glue's own rules, which are AWS's."""
    for job in parts["glue_jobs"].values():
        request = {
            "Name": job["name"],
            "Role": parts["roles"][job["role"]]["arn"],
            "Command": {"Name": job["command"], "PythonVersion": job["python_version"]},
            "GlueVersion": job["glue_version"],
            "DefaultArguments": job["default_arguments"],
            **job["capacity"],
        }
        assert glue_protocol.parse("CreateJob", request) == request
        glue_arguments.check(job["default_arguments"])


def test_pass_role_allows_one_role_and_one_service(parts):
    matches = [
        each
        for role in parts["roles"].values()
        for each in role["statements"]
        if "iam:PassRole" in each["actions"]
    ]
    assert [(each["resources"], each["conditions"]) for each in matches] == [
        ([HERE.job_role_arn], {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}})
    ]


def test_statements_have_reasons_and_narrow_resources(parts):
    everything = set()
    for name, role in parts["roles"].items():
        assert len({each["sid"] for each in role["statements"]}) == len(role["statements"])
        for each in role["statements"]:
            assert len(each["reason"]) > 10
            assert all(re.fullmatch(r"[a-z0-9]+:[A-Za-z]+", action) for action in each["actions"]), each
            if each["resources"] == ["*"]:
                everything.add((name, each["sid"]))
            else:
                assert all(
                    resource.startswith("arn:aws:") and "::*" not in resource
                    for resource in each["resources"]
                )
    assert everything == {
        ("router", "ListModelVersions"),
        ("router", "SendDecision"),
        ("sweeper", "ListModelVersions"),
        ("sweeper", "SendDecision"),
        ("workflow", "ListTags"),
        ("workflow", "LogDelivery"),
        ("sagemaker", "Metrics"),
        ("sagemaker", "ImageToken"),
    }


def test_policy_matches_the_statements(parts):
    for role in parts["roles"].values():
        pairs = zip(role["statements"], role["policy"]["Statement"], strict=True)
        assert all(
            each["actions"] == policy["Action"] and each["resources"] == policy["Resource"]
            for each, policy in pairs
        )
        assert role["trust"]["Statement"][0]["Principal"] == {"Service": role["service"]}
