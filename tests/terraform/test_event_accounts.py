"""What other accounts may send: their own bus, and patterns that name account, source and pipeline."""

from __future__ import annotations

import json
from typing import Any

import ministack.services.eventbridge as eventbridge
import pytest
from tests.terraform.made import Made
from tests.terraform.session import ACCOUNT, SETTINGS, Terraform, resources

pytestmark = pytest.mark.slow

DEV, TOOLS = "210987654321", "210987654322"
BUS = "stagewright-dev-accounts"
GIVEN = {DEV: {"approvals": ["house-price"]}, TOOLS: {"runs": ["house-price", "scores"]}}


@pytest.fixture(scope="module")
def made(root: Terraform) -> Made:
    plan = root.plan(**SETTINGS, event_accounts=GIVEN)
    return Made(resources(plan["planned_values"]["root_module"]))


@pytest.fixture(scope="module")
def patterns(made: Made) -> dict[str, str]:
    return {
        rule["name"].removeprefix("stagewright-dev-"): rule["event_pattern"]
        for rule in made.all("aws_cloudwatch_event_rule")
        if rule["event_bus_name"] == BUS
    }


def approval(account: str, group: str = "house-price", status: str = "Approved") -> dict[str, Any]:
    return {
        "source": "aws.sagemaker",
        "detail-type": "SageMaker Model Package State Change",
        "account": account,
        "detail": {"ModelPackageGroupName": group, "ModelApprovalStatus": status},
    }


def request(account: str, pipeline: str = "house-price", **more: Any) -> dict[str, Any]:
    detail = {"installation": "stagewright-dev", "pipeline": pipeline, "request": "1", **more}
    return {"source": "stagewright", "detail-type": "Run Requested", "account": account, "detail": detail}


def object_created(account: str) -> dict[str, Any]:
    detail = {
        "bucket": {"name": "ml-dev"},
        "object": {"key": "manifests/house-price.json", "version-id": "1"},
    }
    return {"source": "aws.s3", "detail-type": "Object Created", "account": account, "detail": detail}


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (approval(DEV), {f"{DEV}-approvals"}),
        (approval(DEV, status="PendingManualApproval"), set()),
        (approval(DEV, group="churn"), set()),
        (approval(TOOLS), set()),
        (approval(ACCOUNT), set()),
        (request(TOOLS), {f"{TOOLS}-runs"}),
        (request(TOOLS, "scores"), {f"{TOOLS}-runs"}),
        (request(TOOLS, "churn"), set()),
        (request(DEV), set()),
        (request(TOOLS, version="an older manifest"), set()),
        (request(TOOLS, type="backfill", revision=3), set()),
        (request(TOOLS) | {"source": "elsewhere"}, set()),
        (request(TOOLS, installation="stagewright-prod"), set()),
        (object_created(DEV), set()),
        (object_created(TOOLS), set()),
    ],
)
def test_account_can_send_only_what_is_listed(
    patterns: dict[str, str], event: dict[str, Any], expected: set[str]
) -> None:
    sent = eventbridge._event_from_test_payload(event)
    found = {name for name, pattern in patterns.items() if eventbridge._matches_pattern(pattern, sent)}
    assert found == expected


def test_events_of_accounts_reach_the_queue_over_their_own_bus(made: Made) -> None:
    assert made.one("aws_cloudwatch_event_bus")["name"] == BUS
    permissions = made.all("aws_cloudwatch_event_permission")
    assert {(each["principal"], each["event_bus_name"]) for each in permissions} == {(DEV, BUS), (TOOLS, BUS)}
    targets = [each for each in made.all("aws_cloudwatch_event_target") if each["event_bus_name"] == BUS]
    queue = f"arn:aws:sqs:us-east-1:{ACCOUNT}:stagewright-dev-events"
    assert {(each["arn"], each["dead_letter_config"][0]["arn"]) for each in targets} == {
        (queue, f"{queue}-dead")
    }
    assert len(targets) == len(GIVEN)


def test_no_account_can_send_by_default(root: Terraform) -> None:
    made = Made(resources(root.plan(**SETTINGS)["planned_values"]["root_module"]))
    for kind in ("aws_cloudwatch_event_bus", "aws_cloudwatch_event_permission"):
        assert made.all(kind) == []
    for rule in made.all("aws_cloudwatch_event_rule"):
        if rule["event_pattern"]:
            assert json.loads(rule["event_pattern"])["account"] == [ACCOUNT]
