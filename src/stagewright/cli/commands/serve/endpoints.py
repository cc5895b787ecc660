"""Lists the endpoints that runs of this installation deployed, sorted by the time of their removal. `run` is
the run of the last deployment, or the one that tried to deploy the first version. `kept` lists earlier
versions, newest first, that `stagewright rollback-endpoint` can restore. `rolled back` shows who restored the
current version, when and why.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from stagewright.api import formatting
from stagewright.api.target import LOCAL, is_empty, session, target_label
from stagewright.cli.common import output
from stagewright.cli.common.options import Json, TargetName

if TYPE_CHECKING:
    from stagewright.aws.endpoints import Endpoint
    from stagewright.operator_gateway import OperatorGateway
    from stagewright.store.endpoints import EndpointRecord, Rollback

HEADER = ("endpoint", "state", "serves", "since", "until", "run", "kept", "rolled back")


def command(target: TargetName = LOCAL, as_json: Json = False) -> None:
    endpoints: list[dict[str, Any]] = []
    if not is_empty(target):
        with session(target) as connected:
            endpoints = list_endpoints(connected.gateway)
    if as_json:
        output.print_json(endpoints)
    elif endpoints:
        output.table(HEADER, [row(endpoint) for endpoint in endpoints])
    else:
        output.note(f"no endpoints in {target_label(target)}")


def list_endpoints(gateway: OperatorGateway) -> list[dict[str, Any]]:
    """The recorded endpoints that exist. Endpoints that were deleted are left out."""
    from stagewright.parallel import run_parallel

    items = gateway.endpoint_records.all()
    endpoints = run_parallel(lambda item: gateway.endpoints.describe(item.name), items)
    return [
        endpoint_json(item, endpoint)
        for item, endpoint in zip(items, endpoints, strict=True)
        if endpoint is not None
    ]


def endpoint_json(item: EndpointRecord, endpoint: Endpoint) -> dict[str, Any]:
    """One endpoint as JSON. `since` is when its current version was deployed or restored."""
    rollback = last_rollback(item, endpoint.config)
    return {
        "endpoint": item.name,
        "state": endpoint.status,
        "serves": endpoint.config,
        "since": rollback.at if rollback else item.since,
        "until": item.until,
        "run": item.deployed_by if item.configurations else item.requested_by,
        "stage": item.stage,
        "kept": [config for config in item.configurations if config != endpoint.config],
        "alarms": list(item.alarms),
        "rolled_back": asdict(rollback) if rollback else None,
        "rollbacks": [asdict(past) for past in item.rollbacks],
    }


def last_rollback(item: EndpointRecord, serves: str) -> Rollback | None:
    """The rollback that restored the current version, if there was one since the last deployment."""
    return next(
        (past for past in item.rollbacks if (past.to, past.after) == (serves, item.deployed_by)), None
    )


def row(endpoint: dict[str, Any]) -> tuple[str, ...]:
    times = (formatting.local_time(endpoint[name]) if endpoint[name] else "-" for name in ("since", "until"))
    return (
        endpoint["endpoint"], endpoint["state"], endpoint["serves"], *times, endpoint["run"] or "-",
        ", ".join(endpoint["kept"]) or "-", rolled_back(endpoint),
    )  # fmt: skip


def rolled_back(endpoint: dict[str, Any]) -> str:
    rollback = endpoint["rolled_back"]
    if not rollback:
        return "-"
    why = f": {rollback['why']}" if rollback["why"] else ""
    return f"{formatting.local_time(rollback['at'])} by {rollback['by']}{why}"
