"""Every policy and trust of the artifacts, as IAM Access Analyzer judges them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from stagewright.installation.roles.role import Statement, policy_document
from tools.aws_facts import rendered
from tools.aws_facts.step import NotTriedError, Target

TRUST = "AWS::IAM::AssumeRolePolicyDocument"
SEVERE = {"ERROR", "SECURITY_WARNING"}
"""Finding types that count. Suggestions and warnings are recorded only."""


def policies(target: Target) -> dict[str, list[dict[str, Any]]]:
    """Return policy name -> Access Analyzer's findings, for every policy and trust that is rendered."""
    if target.is_local:
        raise NotTriedError("the local target has no IAM Access Analyzer")
    return {name: findings(target, **request) for name, request in documents(target)}


def documents(target: Target) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the name and the ValidatePolicy request of every policy and trust that the artifacts have.

    The trusts of CI are made by Terraform, from the address of the user's GitLab.
    """
    parts = rendered.parts(target.gateway.installation)
    for key, role in parts["roles"].items():
        yield f"role {key}", _request(role["policy"], "IDENTITY_POLICY")
        yield f"trust of {key}", _request(role["trust"], "RESOURCE_POLICY", TRUST)
    yield "bucket", _request(parts["bucket"]["policy"], "RESOURCE_POLICY", "AWS::S3::Bucket")
    for group in ("queues", "topics"):
        for key, part in parts[group].items():
            if part.get("policy"):
                yield f"{group} {key}", _request(part["policy"], "RESOURCE_POLICY")
    people = rendered.parts(target.gateway.installation, "people.json")["policies"]
    for key, policy in people.items():
        yield f"people {key}", _request(policy["policy"], "IDENTITY_POLICY")
    yield from _ci_documents(target)


def _ci_documents(target: Target) -> Iterator[tuple[str, dict[str, str]]]:
    ci = rendered.parts(target.gateway.installation, "ci.json")
    statements = {
        f"CI {key} {part}": policy
        for key, role in ci["roles"].items()
        for part, policy in role["policies"].items()
    }
    for name, policy in (statements | {"CI boundary": ci["boundary"]["statements"]}).items():
        document = policy_document([Statement(**statement) for statement in policy])
        yield name, _request(document, "IDENTITY_POLICY")


def _request(document: Any, kind: str, resource: str = "") -> dict[str, str]:
    request = {"policyDocument": json.dumps(document), "policyType": kind}
    return request | ({"validatePolicyResourceType": resource} if resource else {})


def findings(target: Target, **request: str) -> list[dict[str, Any]]:
    pages = target.client("accessanalyzer").get_paginator("validate_policy").paginate(**request)
    fields = ("findingType", "issueCode", "findingDetails")
    return [{name: finding[name] for name in fields} for page in pages for finding in page["findings"]]


def sound(answer: Any) -> Iterator[str]:
    for name, found in answer.items():
        for finding in found:
            if finding["findingType"] in SEVERE:
                yield f"{name}: {finding['issueCode']}: {finding['findingDetails']}"
