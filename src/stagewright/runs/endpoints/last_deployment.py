"""How an endpoint was deployed last, and well: the requests of that run's plan, with their values in."""

from __future__ import annotations

import json
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import Any

from stagewright.gateway import Gateway
from stagewright.runs.stored_plan import on_page
from stagewright.store.endpoints import EndpointRecord

PATIENCE = 1_800
"""Seconds, where the plan says nothing."""


@dataclass(frozen=True)
class LastDeployment:
    """`policy`: its DeploymentConfig. `timeout`: seconds that an update may take. Of a run whose plan is gone
    only the latter."""

    policy: Mapping[str, Any] = field(default_factory=dict)
    smoke_test: Mapping[str, Any] = field(default_factory=dict)
    timeout: float = PATIENCE

    @property
    def alarms(self) -> list[str]:
        """Their names."""
        listed = self.policy.get("AutoRollbackConfiguration", {}).get("Alarms", ())
        return [each["AlarmName"] for each in listed]

    def config(self, unwatched: Container[str]) -> dict[str, Any]:
        """DeploymentConfig without these alarms."""
        config = {name: value for name, value in self.policy.items() if name != "AutoRollbackConfiguration"}
        if watched := [{"AlarmName": name} for name in self.alarms if name not in unwatched]:
            config["AutoRollbackConfiguration"] = {"Alarms": watched}
        return config


def read(gateway: Gateway, item: EndpointRecord) -> LastDeployment:
    header = gateway.runs.header(item.deployed_by)
    stage = on_page(gateway, item.deployed_by, header.plan, item.stage) if header else None
    if stage is None:
        return LastDeployment()
    update = _request(gateway, item.deployed_by, stage, "UpdateEndpoint")
    ours = _request(gateway, item.deployed_by, stage, "Endpoint")
    return LastDeployment(update.get("DeploymentConfig", {}), ours.get("smoke_test", {}), stage["timeout"])


def _request(gateway: Gateway, run: str, stage: Mapping[str, Any], operation: str) -> dict[str, Any]:
    text = stage["requests"][operation]
    for binding in stage["bindings"]:
        if binding["token"] in text:
            value = _value(gateway, run, binding["path"])
            text = text.replace(binding["token"], json.dumps(value)[1:-1])
    request: dict[str, Any] = json.loads(text)
    return request


def _value(gateway: Gateway, run: str, path: list[str]) -> str:
    """What a stage of that run gave. The fields that are read here take texts alone."""
    made = gateway.runs.stage(run, path[0])
    value: Any = made.result if made else {}
    for part in path[1:]:
        value = value.get(part, {})
    return str(value)
