"""Those that runs of this installation have deployed, the next to be removed first. The versions that an
endpoint could go back to are in `kept`, newest first; `stagewright rollback-endpoint` goes back to one. Where
somebody has, `rolled back` says who, when and why. `run` has deployed what serves; where nothing does yet, it
has tried to.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from stagewright.cli.common import output
from stagewright.cli.common.options import Json, TargetName
from stagewright.cli.common.target import LOCAL, is_empty, session, target_label

if TYPE_CHECKING:
    from stagewright.aws.endpoints import Endpoint
    from stagewright.operator_gateway import OperatorGateway
    from stagewright.store.endpoints import EndpointRecord, Rollback

HEADER = ("endpoint", "state", "serves", "since", "until", "run", "kept", "rolled back")


def command(target: TargetName = LOCAL, as_json: Json = False) -> None:
    found: list[dict[str, Any]] = []
    if not is_empty(target):
        with session(target) as connected:
            found = list_endpoints(connected.gateway)
    if as_json:
        output.print_json(found)
    elif found:
        output.table(HEADER, [row(each) for each in found])
    else:
        output.note(f"no endpoints in {target_label(target)}")


def list_endpoints(gateway: OperatorGateway) -> list[dict[str, Any]]:
    """Recorded endpoints that are there; one that somebody deleted is not."""
    from stagewright.parallel import run_parallel

    items = gateway.endpoint_records.all()
    endpoints = run_parallel(lambda item: gateway.endpoints.describe(item.name), items)
    return [
        described(item, endpoint)
        for item, endpoint in zip(items, endpoints, strict=True)
        if endpoint is not None
    ]


def described(item: EndpointRecord, endpoint: Endpoint) -> dict[str, Any]:
    """`since`: when the last deployment ended, or when somebody brought back what is served."""
    back = returned(item, endpoint.config)
    return {
        "endpoint": item.name,
        "state": endpoint.status,
        "serves": endpoint.config,
        "since": back.at if back else item.since,
        "until": item.until,
        "run": item.deployed_by if item.configurations else item.requested_by,
        "stage": item.stage,
        "kept": [each for each in item.configurations if each != endpoint.config],
        "alarms": list(item.alarms),
        "rolled_back": asdict(back) if back else None,
        "rollbacks": [asdict(each) for each in item.rollbacks],
    }


def returned(item: EndpointRecord, serves: str) -> Rollback | None:
    """Who brought what it serves back, if somebody did since the last deployment."""
    return next(
        (each for each in item.rollbacks if (each.to, each.after) == (serves, item.deployed_by)), None
    )


def row(found: dict[str, Any]) -> tuple[str, ...]:
    times = (output.local_time(found[name]) if found[name] else "-" for name in ("since", "until"))
    return (
        found["endpoint"], found["state"], found["serves"], *times, found["run"] or "-",
        ", ".join(found["kept"]) or "-", rolled_back(found),
    )  # fmt: skip


def rolled_back(found: dict[str, Any]) -> str:
    back = found["rolled_back"]
    if not back:
        return "-"
    why = f": {back['why']}" if back["why"] else ""
    return f"{output.local_time(back['at'])} by {back['by']}{why}"
