"""The installation that is looked at, and what this version would install there."""

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
class Place:
    """`local`: has neither alarms nor layers, and its machine has no quotas."""

    gateway: OperatorGateway
    local: bool = False

    @property
    def mend(self) -> str:
        """What puts a resource right that is not as installed."""
        if self.local:
            return "stop the server, delete the file `provisioned` in its state folder: its next start mends"
        return "`terraform plan` shows what differs, `terraform apply` mends it"

    @cached_property
    def wanted(self) -> Mapping[str, Any]:
        """installation.json, filled in."""
        found: Mapping[str, Any] = json.loads(fill(_read("installation.json").decode(), self._installation))
        return found

    @cached_property
    def definition(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = json.loads(fill(_read(DEFINITION).decode(), self._installation))
        return found

    @cached_property
    def archive(self) -> bytes:
        return _read(ARCHIVE)

    @property
    def _installation(self) -> Any:
        return self.gateway.installation


def _read(name: str) -> bytes:
    return (resources.files("stagewright") / "artifacts" / name).read_bytes()
