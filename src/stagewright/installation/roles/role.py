"""An IAM role and its statements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from stagewright.installation.template import TEMPLATE

CONFUSED_DEPUTY = frozenset({"glue.amazonaws.com", "sagemaker.amazonaws.com", "states.amazonaws.com"})
"""Services whose guides have `aws:SourceAccount` and `aws:SourceArn` in the trust of a role that they assume:
Step Functions ("Prevent cross-service confused deputy issue"), SageMaker ("Cross-Service Confused Deputy
Prevention"), Glue ("Cross-service confused deputy prevention"). Lambda's guide has neither. If Lambda did not
send them, no function could be created. A role cannot be passed to another account."""


@dataclass(frozen=True)
class Role:
    """`key` is the role's key in installation.json. `service` is the principal that can assume it."""

    key: str
    service: str
    statements: tuple[Statement, ...]

    @property
    def arn(self) -> str:
        return f"arn:{TEMPLATE.partition}:iam::{TEMPLATE.account}:role/{TEMPLATE.name(self.key)}"

    def to_json(self) -> dict[str, Any]:
        return {
            "name": TEMPLATE.name(self.key),
            "arn": self.arn,
            "service": self.service,
            "trust": self._trust(),
            "statements": [statement.to_json() for statement in self.statements],
            "policy": policy_document(self.statements),
        }

    def _trust(self) -> dict[str, Any]:
        statement: dict[str, Any] = {
            "Effect": "Allow",
            "Principal": {"Service": self.service},
            "Action": "sts:AssumeRole",
        }
        if self.service in CONFUSED_DEPUTY:
            service = self.service.removesuffix(".amazonaws.com")
            statement["Condition"] = {
                "StringEquals": {"aws:SourceAccount": TEMPLATE.account},
                "ArnLike": {"aws:SourceArn": TEMPLATE.arn(service, "*")},
            }
        return {"Version": "2012-10-17", "Statement": [statement]}


@dataclass(frozen=True)
class Statement:
    """One statement and its reason. `conditions` is an IAM Condition block."""

    sid: str
    reason: str
    actions: Sequence[str]
    resources: Sequence[str]
    conditions: Mapping[str, Any] = field(default_factory=dict)
    effect: Literal["Allow", "Deny"] = "Allow"

    def to_json(self) -> dict[str, Any]:
        return {
            "sid": self.sid,
            "reason": self.reason,
            "effect": self.effect,
            "actions": list(self.actions),
            "resources": list(self.resources),
            "conditions": dict(self.conditions),
        }

    def policy(self) -> dict[str, Any]:
        """Return the statement in IAM's policy grammar."""
        condition = {"Condition": dict(self.conditions)} if self.conditions else {}
        return {
            "Sid": self.sid,
            "Effect": self.effect,
            "Action": list(self.actions),
            "Resource": list(self.resources),
            **condition,
        }


def policy_document(statements: Sequence[Statement]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [statement.policy() for statement in statements]}
