"""The installation that `doctor` checks, and what this version would install there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from typing import Any

from stagewright.installation.functions import ARCHIVE
from stagewright.installation.state_machine import DEFINITION
from stagewright.installation.template import fill
from stagewright.operator_gateway import OperatorGateway


@dataclass(frozen=True)
class CheckedTarget:
    """A connected target. A local one has no alarms, layers or quotas."""

    gateway: OperatorGateway
    is_local: bool = False

    @property
    def fix(self) -> str:
        """The remedy for a resource that differs."""
        if self.is_local:
            return "stop the server and delete `provisioned` in its state folder; its next start repairs it"
        return "`terraform plan` shows the difference, `terraform apply` repairs it"

    @cached_property
    def expected(self) -> Mapping[str, Any]:
        """installation.json with the values of this installation."""
        installation: Mapping[str, Any] = json.loads(
            fill(_read("installation.json").decode(), self._installation)
        )
        return installation

    @cached_property
    def definition(self) -> Mapping[str, Any]:
        """Definition of the state machine with the values of this installation."""
        definition: Mapping[str, Any] = json.loads(fill(_read(DEFINITION).decode(), self._installation))
        return definition

    @cached_property
    def archive(self) -> bytes:
        return _read(ARCHIVE)

    @property
    def _installation(self) -> Any:
        return self.gateway.installation


def _read(name: str) -> bytes:
    return (resources.files("stagewright") / "artifacts" / name).read_bytes()
