"""Every stage of a run's plan, as people ask about it later."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from stagewright.plan.model import Plan
from stagewright.run.gateway import Gateway
from stagewright.run.gateway.runs import Header


@dataclass(frozen=True)
class PlannedStage:
    """What a stage is, what happens to it and why. Where it does not run, its place in the waves is -1, and
    `result` and `reused_from` are what stands for it and the run that made that. `uses`: instances of a stage
    that runs, as `plan.cost.Use` has them. `definition`: the Glue job that it is a run of.
    """

    name: str
    kind: str
    action: str
    reason: str
    wave: int = -1
    chain: int = -1
    position: int = -1
    job: str = ""
    fingerprint: str = ""
    result: Mapping[str, Any] = field(default_factory=dict)
    reused_from: str = ""
    uses: Sequence[Mapping[str, Any]] = ()
    definition: str = ""


def planned_stages(plan: Plan) -> Iterator[PlannedStage]:
    """In document order."""
    places = {
        name: (w, c, p)
        for w, wave in enumerate(plan.waves)
        for c, chain in enumerate(wave)
        for p, name in enumerate(chain)
    }
    for stage in plan.stages:
        yield PlannedStage(
            stage.name,
            stage.kind,
            stage.action,
            stage.reason,
            *places.get(stage.name, (-1, -1, -1)),
            job=stage.job,
            fingerprint=stage.fingerprint,
            result=stage.result,
            reused_from=stage.reused_from,
            uses=[asdict(use) for use in stage.uses],
            definition=stage.requests.get("StartJobRun", {}).get("JobName", ""),
        )


def recorded_stages(gateway: Gateway, header: Header) -> tuple[PlannedStage, ...]:
    """Those of a run as its plan was written; none of a run that was refused."""
    if not header.plan:
        return ()
    items = gateway.runs.items(header.run, f"stages#{header.plan}#")
    return tuple(PlannedStage(**stage) for item in items for stage in json.loads(item["stages"]))
