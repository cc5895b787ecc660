"""A policy for people or for a CI pipeline. The installation creates no role for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stagewright.installation.roles.role import Statement, policy_document
from stagewright.installation.template import TEMPLATE


@dataclass(frozen=True)
class Policy:
    """`key` is its key in installation.json. `purpose` says who needs it and which commands it is for.

    `needs_viewer`: its holder also needs the policy of a viewer.
    """

    key: str
    purpose: str
    statements: tuple[Statement, ...]
    needs_viewer: bool = True

    def to_json(self) -> dict[str, Any]:
        return {
            "name": TEMPLATE.name(self.key),
            "purpose": self.purpose,
            "needs_viewer": self.needs_viewer,
            "statements": [statement.to_json() for statement in self.statements],
            "policy": policy_document(self.statements),
        }
