"""Start a run: write its plan, pin the plan to the header, start the execution.

Every step can be repeated, by a redelivery or by another function at the same moment: the claim is written
once, one plan is pinned to the header, the execution's name is the run's id, and a header only moves forward.
A caller that finds a step done continues with the next one.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

from stagewright.errors import NotFoundError, ReleaseError, TargetError
from stagewright.gateway import Gateway
from stagewright.naming import Installation, run_id, timestamp
from stagewright.planner.model import Plan, Trigger
from stagewright.runs.stored_plan import PlanProof, require_proof, write_plan
from stagewright.runs.values import RunOptions, StartedRun
from stagewright.store.run_items import Header


def queued_header(installation: Installation, pipeline: str, trigger: Trigger, options: RunOptions) -> Header:
    """The header of a run that enters the queue."""
    return Header(
        run=run_id(installation, pipeline, trigger.key, datetime.fromisoformat(trigger.time)),
        pipeline=pipeline,
        status="QUEUED",
        trigger=trigger,
        created=timestamp(datetime.now(UTC)),
        options=options.to_json(),
    )


def start(gateway: Gateway, plan: Plan) -> StartedRun:
    """Write and pin the plan of a run, and start its execution.

    A run without a header, one that does not use the queue, is claimed together with its plan. PlanError: an
    item of the plan is too large for DynamoDB.
    """
    pinned = {"status": "PLANNED", **write_plan(gateway, plan)}
    created = timestamp(datetime.now(UTC))
    header = Header(run=plan.run, pipeline=plan.pipeline, trigger=plan.trigger, created=created, **pinned)
    proof = PlanProof.of(gateway)
    if gateway.runs.transition(plan.run, ["QUEUED"], pinned):
        return StartedRun(plan.run, launch(gateway, header, proof), new=False)
    if gateway.runs.claim(header):
        return StartedRun(plan.run, launch(gateway, header, proof), new=True)
    return ensure_started(gateway, claimant(gateway, plan.trigger.key))


def start_saved_plan(gateway: Gateway, header: Header) -> StartedRun:
    """Start a run with the plan that was saved while it waited."""
    gateway.runs.transition(header.run, ["QUEUED"], {"status": "PLANNED"})
    return ensure_started(gateway, header.run)


def ensure_started(gateway: Gateway, run: str) -> StartedRun:
    """Start the execution of a planned run. A run with another status stays as it is.

    ReleaseError: the router did not make the run's plan, or the plan's state machine was deleted.
    """
    header = gateway.runs.header(run)
    if header is None:
        raise TargetError(f"the run {run} is claimed, but has no header", "try again")
    if header.status != "PLANNED":
        return StartedRun(run, header.execution, new=False)
    proof = require_proof(gateway, header)
    return StartedRun(run, launch(gateway, header, proof), new=False)


def launch(gateway: Gateway, header: Header, proof: PlanProof) -> str:
    """Start the execution and set the header to RUNNING. Returns the execution's ARN.

    The version of the state machine that the plan was made for runs it. If the run was closed in the
    meantime, the execution is stopped. ReleaseError: that version was deleted.
    """
    execution = _start_execution(gateway, header, proof)
    running = {"status": "RUNNING", "execution": execution, "started": timestamp(datetime.now(UTC))}
    if not gateway.runs.transition(header.run, ["PLANNED"], running):
        current = gateway.runs.header(header.run)
        if current and current.status in ("STOPPED", "FAILED", "REJECTED"):
            gateway.executions.stop(execution, current.reason)
    return execution


def _start_execution(gateway: Gateway, header: Header, proof: PlanProof) -> str:
    pointer = json.dumps({"run": header.run, "plan": header.plan, "format": proof.plan_format})
    try:
        return gateway.executions.start(header.run, pointer, proof.machine_version)[0]
    except NotFoundError as error:
        message = f"the state machine that the plan of {header.run} was made for is gone: {error.message}"
        raise ReleaseError(message, f"stagewright resume {header.run}") from error


def claimant(gateway: Gateway, trigger_key: str) -> str:
    """The run that claimed the key; empty: the event was skipped. TargetError: the key is not claimed."""
    run = gateway.runs.claimed(trigger_key)
    if run is None:
        raise TargetError(f"{trigger_key}: another run has this id, but not this key", "trigger it again")
    return run
