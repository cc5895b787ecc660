"""."""

from __future__ import annotations

from stagewright.gateway import Gateway
from stagewright.store.endpoints import Rollback


def active_rollback(gateway: Gateway, name: str, config: str) -> str:
    """Why an endpoint does not serve `config` any more, where that is a rollback since the last deployment
    that still holds; else empty."""
    item = gateway.endpoint_records.get(name)
    since = [each for each in item.rollbacks if each.after == item.deployed_by] if item else []
    if config not in {each.origin for each in since}:
        return ""
    endpoint = gateway.endpoints.describe(name)
    serving = endpoint.config if endpoint and endpoint.status == "InService" else ""
    found = next((each for each in since if each.to == serving), None)
    return _sentence(name, found) if found else ""


def _sentence(name: str, back: Rollback) -> str:
    why = f" ({back.why})" if back.why else ""
    return f"endpoint {name} serves {back.to} since {back.by} rolled it back at {back.at}{why}"
