"""One way to a run: its trigger's key is claimed, its plan is written, its execution is started.

Between claim and plan it waits for its turn (`run.turns`). Every step may be repeated, by the same event
delivered again or by another function at the same moment: the claim is written once, one plan is pinned to
the header, the execution's name is the run's id, and a header only moves forward. Whoever finds the claim
taken finishes what the winner may have left undone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from stagewright.errors import PlanError, Problem, TargetError
from stagewright.naming import Installation, run_id, timestamp
from stagewright.plan import pages as plan_pages
from stagewright.plan.model import PLAN_FORMAT, Plan, Trigger
from stagewright.run.gateway import Gateway
from stagewright.run.gateway.items import ITEM_LIMIT, Item, size_of
from stagewright.run.gateway.runs import Header
from stagewright.run.planned import planned_stages

LIST_BYTES = 150_000
"""Of one item with planned stages, well under DynamoDB's limit."""
REASON_LIMIT = 4_000
"""Characters of a reason that a header keeps."""


@dataclass(frozen=True)
class Started:
    """`new`: this call claimed the key. `execution` is empty for a run that waits, was refused or stopped."""

    run: str
    execution: str
    new: bool


@dataclass(frozen=True)
class Asked:
    """What a run is planned with when its turn comes, beside its trigger.

    `version`: of the manifest, empty where the current one is meant. `cancels`: the runs before it are
    stopped. `listens`: name of the document's trigger that asks for it, where that has a cooldown.
    """

    version: str = ""
    force: bool = False
    cancels: bool = False
    listens: str = ""

    @classmethod
    def of(cls, header: Header) -> Asked:
        return cls(**json.loads(header.asked)) if header.asked else cls()


def queued(installation: Installation, pipeline: str, trigger: Trigger, asked: Asked) -> Header:
    """The header of a run that is to wait for its turn."""
    return Header(
        run=run_id(installation, pipeline, trigger.key, datetime.fromisoformat(trigger.time)),
        pipeline=pipeline,
        status="QUEUED",
        trigger=trigger,
        created=timestamp(datetime.now(UTC)),
        asked=json.dumps(asdict(asked)),
    )


def start(gateway: Gateway, plan: Plan) -> Started:
    """Writes the plan of a run whose turn has come, and starts its execution.

    A run that nobody has claimed is claimed with its plan: such a run takes no turns. PlanError: an item of
    the plan is larger than DynamoDB keeps.
    """
    pinned = {"status": "PLANNED", **_written(gateway, plan)}
    created = timestamp(datetime.now(UTC))
    header = Header(run=plan.run, pipeline=plan.pipeline, trigger=plan.trigger, created=created, **pinned)
    if gateway.runs.advance(plan.run, ["QUEUED"], pinned):
        return Started(plan.run, launch(gateway, header), new=False)
    if gateway.runs.claim(header):
        return Started(plan.run, launch(gateway, header), new=True)
    return resume(gateway, claimant(gateway, plan.trigger.key))


def keep(gateway: Gateway, plan: Plan) -> None:
    """Writes the plan of a run that waits, for `start_kept`. PlanError as in `start`."""
    gateway.runs.advance(plan.run, ["QUEUED"], _written(gateway, plan))


def start_kept(gateway: Gateway, header: Header) -> Started:
    """Starts a run whose turn has come with the plan that was kept for it."""
    gateway.runs.advance(header.run, ["QUEUED"], {"status": "PLANNED"})
    return resume(gateway, header.run)


def refuse(
    gateway: Gateway, pipeline: str, trigger: Trigger, reason: str, release: str = "", revision: int = 0
) -> Started:
    """Records a run that will not be, and why, and claims the key: a redelivery does not repeat it."""
    now = timestamp(datetime.now(UTC))
    header = Header(
        run=run_id(gateway.installation, pipeline, trigger.key, datetime.fromisoformat(trigger.time)),
        pipeline=pipeline,
        status="REFUSED",
        trigger=trigger,
        created=now,
        ended=now,
        release=release,
        revision=revision,
        reason=reason[:REASON_LIMIT],
    )
    if gateway.runs.claim(header):
        return Started(header.run, "", new=True)
    return resume(gateway, claimant(gateway, trigger.key))


def resume(gateway: Gateway, run: str) -> Started:
    """Starts the execution of a claimed run if nobody has; what is running or over stays as it is."""
    header = gateway.runs.header(run)
    if header is None:
        raise TargetError(f"the run {run} is claimed, but has no header", "try again")
    execution = launch(gateway, header) if header.status == "PLANNED" else header.execution
    return Started(run, execution, new=False)


def launch(gateway: Gateway, header: Header) -> str:
    """StartExecution, and the header to RUNNING. If the run was closed in between, so is its execution."""
    pointer = json.dumps({"run": header.run, "plan": header.plan, "format": PLAN_FORMAT})
    execution, _ = gateway.executions.start(header.run, pointer)
    started = {"status": "RUNNING", "execution": execution, "started": timestamp(datetime.now(UTC))}
    if not gateway.runs.advance(header.run, ["PLANNED"], started):
        now = gateway.runs.header(header.run)
        if now and now.status in ("STOPPED", "FAILED"):
            gateway.executions.stop(execution, now.reason)
    return execution


def claimant(gateway: Gateway, trigger_key: str) -> str:
    """The run that has claimed the key; empty where its event was dropped."""
    run = gateway.runs.claimed(trigger_key)
    if run is None:
        raise TargetError(f"{trigger_key}: another run has this id, but not this key", "trigger it again")
    return run


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
