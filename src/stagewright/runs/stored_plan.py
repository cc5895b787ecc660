"""Every stage of a run's plan, as people ask about it later."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Any

from stagewright.errors import PlanError, Problem
from stagewright.gateway import Gateway
from stagewright.naming import ATTEMPT
from stagewright.planner import pages as plan_pages
from stagewright.planner.model import Plan
from stagewright.store.items import ITEM_LIMIT, Item, size_of
from stagewright.store.runs import Header, Runs, StageItem


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


LIST_BYTES = 150_000
"""Of one item with planned stages, well under DynamoDB's limit."""


def keep(gateway: Gateway, plan: Plan) -> None:
    """Writes the plan of a run that waits, for `start_kept`. PlanError as in `start`."""
    gateway.runs.transition(plan.run, ["QUEUED"], _written(gateway, plan))


def _written(gateway: Gateway, plan: Plan) -> dict[str, Any]:
    """Writes the plan's items: what the header says of it."""
    digest = plan.digest
    gateway.runs.put_all(_checked(_plan_items(plan, digest)))
    return {
        "partition": plan.partition,
        "release": plan.release,
        "revision": plan.revision,
        "plan": digest,
    }


def _checked(items: Iterator[Item]) -> Iterator[Item]:
    for item in items:
        if (size := size_of(item)) > ITEM_LIMIT:
            message = f"{item['item']} of the plan has {size:,} bytes; DynamoDB keeps at most {ITEM_LIMIT:,}"
            raise PlanError((Problem("stages", message, "split the pipeline in two"),))
        yield item


def _plan_items(plan: Plan, digest: str) -> Iterator[Item]:
    """Under the plan's digest: two plans of one event, made at the same moment, never mix."""
    waves = plan_pages.pages(plan)
    for page in (page for wave in waves for page in wave):
        yield {"run": plan.run, "item": f"page#{digest}#{page.name}", "chains": page.chains_json}
    for number, stages in enumerate(_stage_lists(plan)):
        yield {"run": plan.run, "item": f"stages#{digest}#{number:04}", "stages": stages}
    waves_json = json.dumps([[page.name for page in wave] for wave in waves])
    yield {"run": plan.run, "item": f"plan#{digest}", "waves": waves_json}


def _stage_lists(plan: Plan) -> Iterator[str]:
    """JSON lists of `PlannedStage`s; apart from `plan#`, which passes through the state machine whole."""
    texts: list[str] = []
    size = 0
    for stage in planned_stages(plan):
        text = json.dumps(vars(stage), ensure_ascii=False, separators=(",", ":"))
        if texts and size + len(text.encode()) > LIST_BYTES:
            yield f"[{','.join(texts)}]"
            texts, size = [], 0
        texts.append(text)
        size += len(text.encode()) + 1
    yield f"[{','.join(texts)}]"
