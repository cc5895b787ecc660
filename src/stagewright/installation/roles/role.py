"""A role: who may assume it, and its statements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stagewright.installation.template import TEMPLATE


@dataclass(frozen=True)
class Role:
    """`service` is the principal that may assume it."""

    what: str
    service: str
    statements: tuple[Statement, ...]

    @property
    def arn(self) -> str:
        return f"arn:{TEMPLATE.partition}:iam::{TEMPLATE.account}:role/{TEMPLATE.name(self.what)}"

    def to_json(self) -> dict[str, Any]:
        statements = [statement.policy() for statement in self.statements]
        return {
            "name": TEMPLATE.name(self.what),
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
            # Step Functions' guide asks so ("Prevent cross-service confused deputy issue"). For Lambda and
            # SageMaker it is not confirmed, and a role cannot be passed to another account anyway.
            statement["Condition"] = {"StringEquals": {"aws:SourceAccount": TEMPLATE.account}}
        return {"Version": "2012-10-17", "Statement": [statement]}


@dataclass(frozen=True)
class Statement:
    """What is allowed on what, and why. `conditions` is an IAM Condition block."""

    sid: str
    reason: str
    actions: Sequence[str]
    resources: Sequence[str]
    conditions: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {
            "sid": self.sid,
            "reason": self.reason,
            "actions": list(self.actions),
            "resources": list(self.resources),
            "conditions": dict(self.conditions),
        }

    def policy(self) -> dict[str, Any]:
        """As IAM takes it."""
        condition = {"Condition": dict(self.conditions)} if self.conditions else {}
        return {
            "Sid": self.sid,
            "Effect": "Allow",
            "Action": list(self.actions),
            "Resource": list(self.resources),
            **condition,
        }
