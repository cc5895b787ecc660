"""Every stage of a run's plan, as people ask about it later."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Any

from stagewright.plan.model import ATTEMPT, Plan
from stagewright.run.gateway import Gateway
from stagewright.run.gateway.runs import Header, Runs, StageItem


@dataclass(frozen=True)
class PlannedStage:
    """What a stage is, what happens to it and why. Where it does not run, its place in the waves is -1, and
    `result` and `reused_from` are what stands for it and the run that made that. `attempts` and `gates`
    are StagePlan's. `uses`: instances of a stage that runs, as `plan.cost.Use` has them. `definition`: the
    Glue job that it is a run of.
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
    attempts: int = 1
    gates: tuple[str, ...] = ()
    definition: str = ""

    def job_of(self, attempt: int) -> str:
        return self.job.replace(ATTEMPT, str(attempt))


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
            attempts=stage.attempts,
            gates=stage.gates,
            definition=stage.requests.get("StartJobRun", {}).get("JobName", ""),
        )


def shut_out(
    planned: Iterable[PlannedStage], items: Mapping[str, StageItem], stopped: str = ""
) -> Iterator[StageItem]:
    """Stages that will not run since a gate has closed. `stopped`: why no stage starts any more, if so."""
    closed = {name: item.cause for name, item in items.items() if item.status == "CLOSED"}
    for stage in planned:
        if stage.action == "run" and stage.name not in items:
            gate = next((name for name in stage.gates if name in closed), "")
            if gate or stopped:
                cause = f"gate {gate}: {closed[gate]}" if gate else stopped
                yield StageItem(stage.name, "SKIPPED", cause=cause)


def recorded_stages(gateway: Gateway, header: Header) -> tuple[PlannedStage, ...]:
    """Those of a run as its plan was written; none of a run that was refused."""
    return _recorded(gateway.runs, header.run, header.plan) if header.plan else ()


@lru_cache(maxsize=1)
def _recorded(runs: Runs, run: str, plan: str) -> tuple[PlannedStage, ...]:
    """Read once: these items are complete before a header names them and never change, and whoever watches
    a run asks again and again."""
    items = runs.items(run, f"stages#{plan}#")
    return tuple(PlannedStage(**stage) for item in items for stage in json.loads(item["stages"]))


def on_page(gateway: Gateway, run: str, plan: str, stage: str) -> dict[str, Any] | None:
    """A stage as the state machine has read it (`plan.pages`); None where it did not run."""
    return next((each for each in _on_pages(gateway, run, plan) if each["name"] == stage), None)


def planned_inputs(gateway: Gateway, run: str, plan: str) -> dict[str, dict[str, str]]:
    """What goes into the stages that run, as `plan.fingerprint` names it."""
    return {each["name"]: json.loads(each["inputs"]) for each in _on_pages(gateway, run, plan)}


def _on_pages(gateway: Gateway, run: str, plan: str) -> Iterator[dict[str, Any]]:
    for page in gateway.runs.items(run, f"page#{plan}#"):
        for chain in json.loads(page["chains"]):
            yield from chain
