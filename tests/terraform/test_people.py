"""infra/modules/people creates the policies of people.json, and outputs them and the guardrails."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.terraform.made import Made
from tests.terraform.session import ACCOUNT, Terraform, resources

from stagewright.installation.roles.people import people
from stagewright.installation.roles.people.guardrails import service_control_policy
from stagewright.installation.template import fill
from stagewright.naming import Installation

pytestmark = pytest.mark.slow

HERE = Installation("ml-dev", "us-east-1", ACCOUNT, "dev")
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
SETTINGS: dict[str, Any] = {"environment": "dev", "bucket": "ml-dev"}
CI = f"arn:aws:iam::{ACCOUNT}:role/ci/*"


@pytest.fixture(scope="module")
def module(terraform: Callable[..., Terraform]) -> Terraform:
    return terraform("modules/people")


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    return json.loads(fill(json.dumps(people()), HERE))


def planned(plan: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The policies by their names, and the outputs."""
    made = Made(resources(plan["planned_values"]["root_module"])).all("aws_iam_policy")
    outputs = {name: output.get("value") for name, output in plan["planned_values"]["outputs"].items()}
    return {policy["name"]: json.loads(policy["policy"]) for policy in made}, outputs


def test_policies_are_those_of_the_artifact(module: Terraform, expected: dict[str, Any]) -> None:
    policies, outputs = planned(module.plan(**SETTINGS))
    assert policies == {policy["name"]: policy["policy"] for policy in expected["policies"].values()}
    shown = {name: json.loads(text) for name, text in outputs["policies"].items()}
    assert shown == {name: policy["policy"] for name, policy in expected["policies"].items()}
    assert outputs["service_control_policy"] is None


def test_options_add_statements(module: Terraform) -> None:
    policies, _ = planned(
        module.plan(**SETTINGS, kms_key_arn=KEY, data_key_arns=[KEY], data_buckets=["lake"])
    )
    for name, policy in policies.items():
        (key,) = [each for each in policy["Statement"] if each["Sid"] == "Key"]
        assert key["Resource"] == [KEY], name
    viewer = {each["Sid"]: each["Resource"] for each in policies["stagewright-dev-viewer"]["Statement"]}
    assert (viewer["DataKeys"], viewer["DataBuckets"]) == ([KEY], ["arn:aws:s3:::lake"])


def test_guardrails_exempt_the_administrators(module: Terraform, expected: dict[str, Any]) -> None:
    _, outputs = planned(module.plan(**SETTINGS, administrators=[CI]))
    shown = json.loads(outputs["service_control_policy"])
    assert shown == service_control_policy(expected["guardrails"], [CI])


def test_administrators_are_roles(module: Terraform) -> None:
    assert "administrators must be ARN patterns of roles" in module.refused(**SETTINGS, administrators=["ci"])


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"data_buckets": [f"lake-{n:058}" for n in range(50)]}, "The policy viewer has"),
        (
            {"administrators": [f"arn:aws:iam::{ACCOUNT}:role/{n:060}" for n in range(50)]},
            "The service control policy has",
        ),
    ],
)
def test_policy_that_is_too_long_is_refused(module: Terraform, more: dict[str, Any], message: str) -> None:
    assert message in module.refused(**SETTINGS, **more)
