"""The policies of the CI roles, evaluated by ministack's evaluator."""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any

from stagewright.installation.roles.ci import ci
from stagewright.installation.template import fill
from stagewright.naming import Installation

EVALUATOR = import_module("ministack.core.iam_evaluator")
HERE = Installation("ml-dev", "eu-west-1", "123456789012", "dev")
EVERY_OPTION = tuple(ci()["role_options"])


def rendered(place: Installation = HERE) -> dict[str, Any]:
    parts: dict[str, Any] = json.loads(fill(json.dumps(ci()), place))
    return parts


def statements(role: str, *options: str, place: Installation = HERE) -> list[dict[str, Any]]:
    """What the role may do, with these options."""
    parts = rendered(place)
    always = [statement for part in parts["roles"][role]["policies"].values() for statement in part]
    return always + [
        statement for option in options for statement in parts["role_options"][option].get(role, ())
    ]


def policy(of: list[dict[str, Any]]) -> dict[str, Any]:
    """The statements in IAM's grammar."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": statement["sid"],
                "Effect": statement["effect"],
                "Action": statement["actions"],
                "Resource": statement["resources"],
                **({"Condition": statement["conditions"]} if statement["conditions"] else {}),
            }
            for statement in of
        ],
    }


def may(
    role: str, action: str, resource: str, *options: str, place: Installation = HERE, **keys: str
) -> bool:
    """Whether a CI role of an installation may do this. `keys`: condition keys, with `__` for the colon."""
    return allows(policy(statements(role, *options, place=place)), action, resource, place, **keys)


def allows(document: dict[str, Any], action: str, resource: str, place: Installation, **keys: str) -> bool:
    context = EVALUATOR.EvalContext(
        principal_arn=f"arn:aws:sts::{place.account}:assumed-role/ci/session",
        principal_type="AssumedRole",
        principal_account=place.account,
        action=action,
        resource_arn=resource,
        region=place.region,
        service_context={name.replace("__", ":").lower(): value for name, value in keys.items()},
    )
    decision: str = EVALUATOR.evaluate(context, [EVALUATOR.parse_policy_document(document)]).decision
    return decision == "Allow"
