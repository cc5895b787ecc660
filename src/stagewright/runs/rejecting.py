"""Runs that end before their execution starts: rejected because of their inputs, or failed."""

from __future__ import annotations

from datetime import UTC, datetime

from stagewright.gateway import Gateway
from stagewright.naming import run_id, timestamp
from stagewright.planner.model import Trigger
from stagewright.runs import closing, notices, starting
from stagewright.runs.intake.run_requests import RunRequest
from stagewright.runs.settings import Runtime
from stagewright.runs.triggers import cooldown
from stagewright.runs.values import REASON_LIMIT, RunOptions, StartedRun
from stagewright.store.run_items import Header


def record_rejected(gateway: Gateway, pipeline: str, trigger: Trigger, reason: str) -> StartedRun:
    """Claim the trigger key for a rejected run, so that a redelivery starts none."""
    now = timestamp(datetime.now(UTC))
    header = Header(
        run=run_id(gateway.installation, pipeline, trigger.key, datetime.fromisoformat(trigger.time)),
        pipeline=pipeline,
        status="REJECTED",
        trigger=trigger,
        created=now,
        ended=now,
        reason=reason[:REASON_LIMIT],
    )
    if gateway.runs.claim(header):
        return StartedRun(header.run, "", new=True)
    return starting.ensure_started(gateway, starting.claimant(gateway, trigger.key))


def reject_request(runtime: Runtime, request: RunRequest, error: Exception) -> StartedRun:
    """Reject a run whose trigger key is not claimed yet, and notify people."""
    gateway, trigger = runtime.gateway, request.trigger
    cooldown.cancel(gateway, request.pipeline, request.trigger_name, trigger.key)
    reason = notices.describe(error)
    rejected = record_rejected(gateway, request.pipeline, trigger, reason)
    header = gateway.runs.header(rejected.run) if rejected.run else None
    if header and gateway.runs.is_unfinished(header.run):
        closing.finish(runtime, header)
    return rejected


def reject(runtime: Runtime, header: Header, error: Exception) -> None:
    """Reject a run that waits or is about to start, notify people, and grant the lease to the next run."""
    cancel_cooldown(runtime.gateway, header)
    closed = closing.close_unstarted(runtime.gateway, header, "REJECTED", notices.describe(error))
    if closed:
        closing.finish(runtime, closed)


def fail_run(runtime: Runtime, run: str, cause: str) -> bool:
    """Fail a run that could not be planned or started, notify people, and grant the lease to the next run.

    False: the run has an execution by now, or has ended.
    """
    header = runtime.gateway.runs.header(run)
    reason = f"{cause}; see the router's log (when fixed: stagewright resume {run})"
    closed = closing.close_unstarted(runtime.gateway, header, "FAILED", reason) if header else None
    if closed is None:
        return False
    cancel_cooldown(runtime.gateway, closed)
    runtime.log.error("run failed before its start", run=run, pipeline=closed.pipeline, reason=reason)
    closing.finish(runtime, closed)
    return True


def finish_unstarted(runtime: Runtime, header: Header) -> None:
    """Do what follows the end of a run without an execution, up to its notice. Safe to repeat."""
    if header.status in notices.NOTICES:
        cancel_cooldown(runtime.gateway, header)
    closing.release_unstarted(runtime.gateway, header, planned=bool(header.plan))


def fail_after_attempts(runtime: Runtime, run: str, attempts: int, error: Exception) -> None:
    """Fail a run because of the error of its last attempt."""
    cause = notices.describe(error)
    fail_run(runtime, run, f"{attempts} attempts to plan and start it failed: {cause}")


def cancel_cooldown(gateway: Gateway, header: Header) -> None:
    """End the cooldown that the event of this run started, because it starts no run."""
    name = RunOptions.of(header).trigger_name
    cooldown.cancel(gateway, header.pipeline, name, header.trigger.key)
