"""The plan of a run as DynamoDB stores it: pages for the state machine, and every stage for people."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Any

from stagewright.errors import NotFoundError, PlanError, Problem, ReleaseError
from stagewright.formats import OBJECTS, read_object, stamped
from stagewright.gateway import Gateway
from stagewright.naming import ATTEMPT
from stagewright.planner import pages as plan_pages
from stagewright.planner.approvals import PENDING
from stagewright.planner.model import PLAN_FORMAT, GoodResult, Plan
from stagewright.store.items import ITEM_LIMIT, Item, size_of
from stagewright.store.run_items import Header, StageItem
from stagewright.store.runs import Runs

UNPINNED = 3
"""The format of the plans whose proof does not name it: an empty object."""


@dataclass(frozen=True)
class PlanProof:
    """The object that proves that the router made a plan, and who reads the plan.

    `plan_format`: the format of the plan. `machine_version`: ARN of the published version of the state
    machine that the router was built for. It runs the plan, also after an upgrade of the installation.
    """

    plan_format: int
    machine_version: str

    @classmethod
    def of(cls, gateway: Gateway) -> PlanProof:
        return cls(PLAN_FORMAT, gateway.machine_version)


@dataclass(frozen=True)
class PlannedStage:
    """A stage of a plan: its kind, its action and the reason.

    `wave`, `chain`, `position`: where it runs; -1 for a stage that does not run. Such a stage has `result`,
    the result that it reuses, and `reused_from`, the run that made it. `attempts`, `gates`, `part`: as in
    `StagePlan`. `uses`: instances of a stage that runs, as in `planner.cost.Use`. `definition`: name of its
    Glue job. `awaits`: the register stage whose version must be approved first.
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
    awaits: str = ""
    part: int = 0

    def job_of(self, attempt: int) -> str:
        return self.job.replace(ATTEMPT, str(attempt))


def planned_stages(plan: Plan) -> Iterator[PlannedStage]:
    """The stages of a plan, in document order."""
    positions = {
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
            *positions.get(stage.name, (-1, -1, -1)),
            job=stage.job,
            fingerprint=stage.fingerprint,
            result=stage.result,
            reused_from=stage.reused_from,
            uses=[asdict(use) for use in stage.uses],
            attempts=stage.attempts,
            gates=stage.gates,
            definition=stage.requests.get("StartJobRun", {}).get("JobName", ""),
            awaits=stage.awaits,
            part=stage.part,
        )


def skipped_stages(
    planned: Iterable[PlannedStage], items: Mapping[str, StageItem], stopped: str = ""
) -> Iterator[StageItem]:
    """Stages that do not run because a gate closed.

    `stopped`: why no further stage of the run starts; empty if stages still can.
    """
    closed = {name: item.cause for name, item in items.items() if item.status == "CLOSED"}
    for stage in planned:
        if stage.action == "run" and stage.name not in items:
            gate = next((name for name in stage.gates if name in closed), "")
            if gate or stopped:
                cause = f"gate {gate}: {closed[gate]}" if gate else stopped
                yield StageItem(stage.name, "SKIPPED", cause=cause)


def recorded_stages(gateway: Gateway, header: Header) -> tuple[PlannedStage, ...]:
    """The stages of a run, from its stored plan. Empty: the run has no plan."""
    return _recorded(gateway.runs, header.run, header.plan) if header.plan else ()


@lru_cache(maxsize=1)
def _recorded(runs: Runs, run: str, plan: str) -> tuple[PlannedStage, ...]:
    """Cached, because `show --watch` reads them repeatedly.

    The items are complete before a header names them, and they never change.
    """
    items = runs.items(run, f"stages#{plan}#")
    return tuple(PlannedStage(**stage) for item in items for stage in json.loads(item["stages"]))


def good_result(gateway: Gateway, run: str, stage: str) -> GoodResult | None:
    """Return the result that the run used for the stage, made in the run or reused from an earlier one."""
    item = gateway.runs.stage(run, stage)
    if item:
        return as_good(item) if item.status == "SUCCEEDED" else None
    header = gateway.runs.header(run)
    planned = recorded_stages(gateway, header) if header else ()
    source = next((plan.reused_from for plan in planned if plan.name == stage), "")
    reused = gateway.runs.stage(source, stage) if source else None
    return as_good(reused) if reused else None


def as_good(item: StageItem) -> GoodResult:
    """Return the recorded stage as a result that a plan can reuse."""
    return GoodResult(item.run, item.ended, item.fingerprint, item.result, item.inputs, item.job)


def on_page(gateway: Gateway, run: str, plan: str, stage: str) -> dict[str, Any] | None:
    """A stage as the state machine reads it (`planner.pages`). None: the stage does not run."""
    return next((item for item in _on_pages(gateway, run, plan) if item["name"] == stage), None)


def planned_inputs(gateway: Gateway, run: str, plan: str) -> dict[str, dict[str, str]]:
    """Stage -> inputs of its fingerprint (`planner.fingerprint`), for the stages that run."""
    return {stage["name"]: json.loads(stage["inputs"]) for stage in _on_pages(gateway, run, plan)}


def _on_pages(gateway: Gateway, run: str, plan: str) -> Iterator[dict[str, Any]]:
    for page in gateway.runs.items(run, f"page#{plan}#"):
        for chain in json.loads(page["chains"]):
            yield from chain


LIST_BYTES = 150_000
"""Size of one item with planned stages. DynamoDB's limit is 400 KB."""


def save_plan(gateway: Gateway, plan: Plan) -> None:
    """Write the plan of a run that waits, for `starting.start_saved_plan`. PlanError as in `write_plan`."""
    gateway.runs.transition(plan.run, ["QUEUED"], write_plan(gateway, plan))


def write_plan(gateway: Gateway, plan: Plan) -> dict[str, Any]:
    """Write the items of a plan. Returns the header's fields about it.

    PlanError: an item is too large for DynamoDB.
    """
    name, items = plan_items(plan)
    gateway.runs.put_all(_within_limit(items))
    proof = json.dumps({"format": OBJECTS["proof"], **asdict(PlanProof.of(gateway))})
    gateway.objects.put(_proof_key(plan.pipeline, plan.run, name), proof.encode())
    return {
        "partition": plan.partition,
        "release": plan.release,
        "revision": plan.revision,
        "plan": name,
        "manifest": plan.manifest,
        "barred": plan.barred,
        "versions": ",".join(_awaited_versions(plan)),
        "currency": plan.currency,
        "prices_of": plan.prices_of,
    }


def _awaited_versions(plan: Plan) -> list[str]:
    """The register stages whose version waits for a person: it is new, or stages of the run serve it."""
    return [
        stage.name
        for stage in plan.stages
        if stage.name in {other.awaits for other in plan.stages}
        or stage.requests.get("CreateModelPackage", {}).get("ModelApprovalStatus") == PENDING
    ]


def require_proof(gateway: Gateway, header: Header) -> PlanProof:
    """Return the proof of the header's plan. Raise ReleaseError if the router did not make that plan.

    A header is an item of a table that people may edit. Only the router writes the object that proves the
    plan, and the state machine compares the plan's items with its name.
    """
    key = _proof_key(header.pipeline, header.run, header.plan)
    try:
        body = gateway.objects.get(key).body
    except NotFoundError:
        message = f"the plan {header.plan} of {header.run} was not made by the router"
        raise ReleaseError(message, f"stagewright resume {header.run}") from None
    proof = read_object("proof", body, key)
    return PlanProof(proof.get("plan_format", UNPINNED), proof.get("machine_version", ""))


def _proof_key(pipeline: str, run: str, plan: str) -> str:
    return f"releases/{pipeline}/plans/{run}/{plan}"


def _within_limit(items: Iterable[Item]) -> Iterator[Item]:
    for item in items:
        if (size := size_of(stamped(item))) > ITEM_LIMIT:
            message = f"{item['item']} of the plan has {size:,} bytes; DynamoDB stores at most {ITEM_LIMIT:,}"
            raise PlanError((Problem("stages", message, "split the pipeline in two"),))
        yield item


def plan_items(plan: Plan) -> tuple[str, list[Item]]:
    """Return the plan's name and its items.

    The name is made of checksums of the items, so that two plans of one run, made at the same moment, never
    mix. The state machine runs no item that has been changed: the name has the checksum of the list of pages,
    and the list has those of the pages.
    """
    waves = plan_pages.pages(plan)
    lists = list(_stage_lists(plan))
    waves_json = json.dumps([[page.name for page in wave] for wave in waves])
    name = f"{plan_pages.checksum(waves_json)}-{plan_pages.checksum(''.join(lists))[:8]}"
    contents = {
        **{f"page#{name}#{page.name}": {"chains": page.chains_json} for wave in waves for page in wave},
        **{f"stages#{name}#{number:04}": {"stages": text} for number, text in enumerate(lists)},
        f"plan#{name}": {"waves": waves_json},
    }
    return name, [{"run": plan.run, "item": item, **content} for item, content in contents.items()]


def _stage_lists(plan: Plan) -> Iterator[str]:
    """JSON lists of `PlannedStage`s. They are not part of `plan#`, all of which the state machine reads."""
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
