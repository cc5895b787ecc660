"""Conditions of trusts and statements, evaluated for requests that they must allow or deny."""

from __future__ import annotations

import json
from importlib import import_module

import pytest

from stagewright.installation.resources import resources
from stagewright.installation.template import fill
from stagewright.naming import OWNER_TAG, Installation

EVALUATOR = import_module("ministack.core.iam_evaluator")
HERE = Installation("my-bucket", "eu-west-1", "123456789012", "dev")
OWN = {f"aws:ResourceTag/{OWNER_TAG}": HERE.id}
THEIRS = {f"aws:ResourceTag/{OWNER_TAG}": "another-dev"}
SETS_OWN = {f"aws:RequestTag/{OWNER_TAG}": HERE.id}
SETS_THEIRS = {f"aws:RequestTag/{OWNER_TAG}": "another-dev"}
ENDPOINT = HERE.arn("sagemaker", "endpoint/prices")
JOB = HERE.arn("sagemaker", "training-job/prices-1")
GROUP = HERE.arn("sagemaker", "model-package-group/prices")
VERSION = HERE.arn("sagemaker", "model-package/prices/3")
DEPUTIES = {"sagemaker": "sagemaker", "glue": "glue", "workflow": "states"}


@pytest.fixture(scope="module")
def roles() -> dict:
    return json.loads(fill(json.dumps(resources()["roles"]), HERE))


def is_allowed(policy, action, resource, keys) -> bool:
    context = EVALUATOR.EvalContext(
        principal_arn=HERE.arn("sts", "assumed-role/x/y"),
        principal_type="AssumedRole",
        principal_account=HERE.account,
        action=action,
        resource_arn=resource,
        region=HERE.region,
        service_context={name.lower(): value for name, value in keys.items()},
    )
    return EVALUATOR.evaluate(context, [EVALUATOR.parse_policy_document(policy)]).decision == "Allow"


@pytest.mark.parametrize(("role", "service"), DEPUTIES.items())
@pytest.mark.parametrize(
    ("account", "source", "may"),
    [
        ("123456789012", "123456789012:x/y", True),
        ("210987654321", "123456789012:x/y", False),
        ("123456789012", "210987654321:x/y", False),
        (None, "123456789012:x/y", False),
        ("123456789012", None, False),
    ],
)
def test_services_assume_roles_only_for_this_account(roles, role, service, account, source, may):
    """A trust policy has a principal instead of a resource."""
    (statement,) = roles[role]["trust"]["Statement"]
    assert statement["Principal"] == {"Service": f"{service}.amazonaws.com"}
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {**{name: value for name, value in statement.items() if name != "Principal"}, "Resource": "*"}
        ],
    }
    keys = {"aws:SourceAccount": account} if account else {}
    keys |= {"aws:SourceArn": f"arn:aws:{service}:eu-west-1:{source}"} if source else {}
    assert is_allowed(policy, "sts:AssumeRole", "role", keys) is may


def test_trust_of_functions_has_no_condition(roles):
    """AWS documents none for Lambda: roles/role.py."""
    for name in ("router", "recorder", "sweeper"):
        assert "Condition" not in roles[name]["trust"]["Statement"][0]


@pytest.mark.parametrize(
    ("action", "resource", "keys", "may"),
    [
        ("AddTags", ENDPOINT, {**SETS_OWN, "sagemaker:TaggingAction": "CreateEndpoint"}, True),
        ("AddTags", JOB, {**SETS_OWN, "sagemaker:TaggingAction": "CreateTrainingJob"}, True),
        ("AddTags", GROUP, {**SETS_OWN, "sagemaker:TaggingAction": "CreateModelPackageGroup"}, True),
        ("AddTags", JOB, OWN, True),
        ("AddTags", JOB, {}, False),
        ("AddTags", ENDPOINT, {}, False),
        ("AddTags", ENDPOINT, SETS_OWN, False),
        ("AddTags", ENDPOINT, {**SETS_OWN, **THEIRS}, False),
        ("AddTags", JOB, {**SETS_OWN, **THEIRS}, False),
        ("AddTags", JOB, {**SETS_THEIRS, **OWN}, False),
        ("AddTags", JOB, {**SETS_THEIRS, "sagemaker:TaggingAction": "CreateTrainingJob"}, False),
        ("AddTags", ENDPOINT, {**SETS_OWN, "sagemaker:TaggingAction": "CreateDomain"}, False),
        ("CreateModelPackage", GROUP, OWN, True),
        ("CreateModelPackage", GROUP, THEIRS, False),
        ("CreateModelPackage", GROUP, {}, False),
        ("UpdateModelPackage", VERSION, OWN, False),
    ],
)
def test_state_machine_tags_and_registers_only_what_it_owns(roles, action, resource, keys, may):
    assert is_allowed(roles["workflow"]["policy"], f"sagemaker:{action}", resource, keys) is may


@pytest.mark.parametrize("role", ["router", "sweeper"])
@pytest.mark.parametrize(("keys", "may"), [(OWN, True), (THEIRS, False), ({}, False)])
def test_decisions_reach_versions_of_this_installation_only(roles, role, keys, may):
    assert is_allowed(roles[role]["policy"], "sagemaker:UpdateModelPackage", VERSION, keys) is may
    assert is_allowed(roles[role]["policy"], "sagemaker:DescribeModelPackage", VERSION, keys)
