"""A role: who may assume it, and its statements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stagewright.installation.render import TEMPLATE
from stagewright.installation.roles.statement import Statement


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
