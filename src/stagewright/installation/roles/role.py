"""An IAM role and its statements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from stagewright.installation.template import TEMPLATE


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
        statements = [statement.policy() for statement in self.statements]
        return {
            "name": TEMPLATE.name(self.key),
            "arn": self.arn,
            "service": self.service,
            "trust": self._trust(),
            "statements": [statement.to_json() for statement in self.statements],
            "policy": {"Version": "2012-10-17", "Statement": statements},
        }

    def _trust(self) -> dict[str, Any]:
        statement: dict[str, Any] = {
            "Effect": "Allow",
            "Principal": {"Service": self.service},
            "Action": "sts:AssumeRole",
        }
        if self.service == "states.amazonaws.com":
            # The Step Functions guide requires this ("Prevent cross-service confused deputy issue"). No guide
            # confirms it for Lambda and SageMaker, and a role cannot be passed to another account.
            statement["Condition"] = {"StringEquals": {"aws:SourceAccount": TEMPLATE.account}}
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
