"""One way to a run: its trigger's key is claimed, its plan is written, its execution is started.

Between claim and plan it waits for its turn (`run.turns`). Every step may be repeated, by the same event
delivered again or by another function at the same moment: the claim is written once, one plan is pinned to
the header, the execution's name is the run's id, and a header only moves forward. Whoever finds the claim
taken finishes what the winner may have left undone.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime

from stagewright.errors import TargetError
from stagewright.gateway import Gateway
from stagewright.naming import Installation, run_id, timestamp
from stagewright.planner.model import PLAN_FORMAT, Plan, Trigger
from stagewright.runs.stored_plan import _written
from stagewright.runs.values import REASON_LIMIT, Asked, Started
from stagewright.store.runs import Header


def queued(installation: Installation, pipeline: str, trigger: Trigger, asked: Asked) -> Header:
    """The header of a run that is to wait for its turn."""
    return Header(
        run=run_id(installation, pipeline, trigger.key, datetime.fromisoformat(trigger.time)),
        pipeline=pipeline,
        status="QUEUED",
        trigger=trigger,
        created=timestamp(datetime.now(UTC)),
        options=json.dumps(asdict(asked)),
    )


def start(gateway: Gateway, plan: Plan) -> Started:
    """Writes the plan of a run whose turn has come, and starts its execution.

    A run that nobody has claimed is claimed with its plan: such a run takes no turns. PlanError: an item of
    the plan is larger than DynamoDB keeps.
    """
    pinned = {"status": "PLANNED", **_written(gateway, plan)}
    created = timestamp(datetime.now(UTC))
    header = Header(run=plan.run, pipeline=plan.pipeline, trigger=plan.trigger, created=created, **pinned)
    if gateway.runs.transition(plan.run, ["QUEUED"], pinned):
        return Started(plan.run, launch(gateway, header), new=False)
    if gateway.runs.claim(header):
        return Started(plan.run, launch(gateway, header), new=True)
    return resume(gateway, claimant(gateway, plan.trigger.key))


def start_kept(gateway: Gateway, header: Header) -> Started:
    """Starts a run whose turn has come with the plan that was kept for it."""
    gateway.runs.transition(header.run, ["QUEUED"], {"status": "PLANNED"})
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
    if not gateway.runs.transition(header.run, ["PLANNED"], started):
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
