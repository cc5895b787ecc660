"""The requests of an endpoint's last successful deployment, from the plan of its run."""

from __future__ import annotations

import json
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import Any

from stagewright.gateway import Gateway
from stagewright.runs.stored_plan import on_page
from stagewright.store.endpoints import EndpointRecord

TIMEOUT = 1_800
"""Seconds that an update may take if the plan is gone."""


@dataclass(frozen=True)
class LastDeployment:
    """`policy` is the DeploymentConfig, `timeout` the seconds that an update may take.

    If the plan is gone, policy and smoke test are empty.
    """

    policy: Mapping[str, Any] = field(default_factory=dict)
    smoke_test: Mapping[str, Any] = field(default_factory=dict)
    timeout: float = TIMEOUT

    @property
    def alarms(self) -> list[str]:
        """The names of the alarms that undo an update."""
        listed = self.policy.get("AutoRollbackConfiguration", {}).get("Alarms", ())
        return [alarm["AlarmName"] for alarm in listed]

    def config(self, unwatched: Container[str]) -> dict[str, Any]:
        """Return the DeploymentConfig without the `unwatched` alarms."""
        config = {name: value for name, value in self.policy.items() if name != "AutoRollbackConfiguration"}
        if watched := [{"AlarmName": name} for name in self.alarms if name not in unwatched]:
            config["AutoRollbackConfiguration"] = {"Alarms": watched}
        return config


def read(gateway: Gateway, record: EndpointRecord) -> LastDeployment:
    """Return the last successful deployment of an endpoint."""
    header = gateway.runs.header(record.deployed_by)
    stage = on_page(gateway, record.deployed_by, header.plan, record.stage) if header else None
    if stage is None:
        return LastDeployment()
    update = _request(gateway, record.deployed_by, stage, "UpdateEndpoint")
    endpoint = _request(gateway, record.deployed_by, stage, "Endpoint")
    return LastDeployment(
        update.get("DeploymentConfig", {}), endpoint.get("smoke_test", {}), stage["timeout"]
    )


def _request(gateway: Gateway, run: str, stage: Mapping[str, Any], operation: str) -> dict[str, Any]:
    """Return a stage's request with its run-time values."""
    text = stage["requests"][operation]
    for binding in stage["bindings"]:
        if binding["token"] in text:
            value = _value(gateway, run, binding["path"])
            text = text.replace(binding["token"], json.dumps(value)[1:-1])
    request: dict[str, Any] = json.loads(text)
    return request


def _value(gateway: Gateway, run: str, path: list[str]) -> str:
    """Return a value of a stage's result as text. All fields that are read here are texts."""
    stage = gateway.runs.stage(run, path[0])
    value: Any = stage.result if stage else {}
    for part in path[1:]:
        value = value.get(part, {})
    return str(value)
