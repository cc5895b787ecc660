"""Checks of runs that have not ended, and of the queues that they wait in."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import partial

from stagewright.aws.executions import Execution
from stagewright.errors import NotFoundError, StagewrightError
from stagewright.naming import epoch, timestamp
from stagewright.runs import approvals, closing, lifecycle, queue, rejecting
from stagewright.runs.reconciling.sweep import Candidates, Repair, Sweep, created, ids_of, is_recent
from stagewright.runs.settings import Runtime
from stagewright.runs.values import RunOptions
from stagewright.store.run_items import Header
from stagewright.store.run_queue import Lease


def open_runs(sweep: Sweep) -> Candidates:
    _log_oldest(sweep)
    for header in sweep.open_runs:
        if header.status == "PLANNED" and sweep.is_late(header):
            yield header.run, partial(_start, sweep, header)
        elif header.status == "RUNNING" and sweep.is_late(header):
            yield header.run, partial(_close_or_decide, sweep, header)


def run_queues(sweep: Sweep) -> Candidates:
    waiting: dict[str, list[Header]] = {}
    for header in sweep.open_runs:
        if header.status == "QUEUED":
            waiting.setdefault(header.pipeline, []).append(header)
    for pipeline, headers in waiting.items():
        yield f"the run queue of {pipeline}", partial(_check_queue, sweep, pipeline, headers)


def _log_oldest(sweep: Sweep) -> None:
    """Log the age of the oldest open run in seconds, for an alarm."""
    for header in sweep.open_runs[:1]:
        age = round(time.time() - created(header))
        sweep.runtime.log.info("oldest open run", metric="OldestRun", value=age, **ids_of(header))


def _start(sweep: Sweep, header: Header) -> Repair | None:
    """Advance a planned run. After an hour without an execution, fail it, so that the next run can start."""
    gateway = sweep.gateway
    try:
        lifecycle.advance(sweep.runtime, header.run)
    except StagewrightError as error:
        if not gateway.runs.is_open(header.run):
            return Repair("closed", header.run, ids_of(header))
        lease = gateway.run_queue.lease(header.pipeline)
        since = lease.since if lease and lease.holder == header.run else header.created
        if is_recent(since) or gateway.executions.exists(header.run):
            raise
        return _fail(sweep, header, f"it could not be started: {error.message}")
    return Repair("started", header.run, ids_of(header))


def _close_or_decide(sweep: Sweep, header: Header) -> Repair | None:
    """Close a run whose execution has ended. In a run that continues, carry out decided approvals."""
    try:
        status = closing.record_end(sweep.runtime, header.execution)
    except NotFoundError:
        status = _close_lost(sweep.runtime, header)
    if status:
        return Repair("closed", header.run, ids_of(header))
    before = timestamp(datetime.fromtimestamp(sweep.before, UTC))
    decided = approvals.carry_out_missed(sweep.gateway, header.run, before)
    stages = ", ".join(approval.stage for approval in decided)
    return Repair("decided", f"{header.run}: {stages}", ids_of(header)) if decided else None


def _close_lost(runtime: Runtime, header: Header) -> str | None:
    """Close a run whose execution is gone. Step Functions deletes it 90 days after its end (quotas)."""
    now = time.time()
    cause = "its execution is gone: deleted, or ended more than 90 days ago"
    execution = Execution(header.execution, "FAILED", now, now, "Stagewright.Lost", cause)
    status = closing.close(runtime.gateway, header, execution)
    if status:
        closing.finish(runtime, closing.closed_header(header, execution))
    return status


def _check_queue(sweep: Sweep, pipeline: str, waiting: list[Header]) -> Repair | None:
    """Grant a free lease. Or send `Run Ready` again: to the holder, or to the last run that cancels
    others."""
    lease = sweep.gateway.run_queue.lease(pipeline)
    holder = queue.grant_next(sweep.gateway, pipeline)
    if holder and (lease is None or holder != lease.holder):
        return Repair("granted", holder, {"run": holder, "pipeline": pipeline})
    late = {header.run: header for header in waiting if sweep.is_late(header)}
    if lease and holder in late and epoch(lease.since) <= sweep.before:
        if _is_hopeless(lease, sweep.before):
            return _fail(
                sweep, late[holder], f"{lease.attempts} attempts to plan and start it did not finish"
            )
        return _notify_run(sweep, late[holder])
    cancelling = [header for header in late.values() if _cancels_others(header, holder)]
    return _notify_run(sweep, cancelling[-1]) if cancelling else None


def _cancels_others(header: Header, holder: str) -> bool:
    return header.run != holder and RunOptions.of(header).cancels_running


def _notify_run(sweep: Sweep, header: Header) -> Repair:
    queue.send_run_ready(sweep.gateway, header.run)
    return Repair("notified", header.run, ids_of(header))


def _is_hopeless(lease: Lease, before: float) -> bool:
    """The last attempt was begun and is over, or the holder has not started for an hour."""
    if lease.attempts >= lifecycle.ATTEMPTS and epoch(lease.last_attempt_at) <= before:
        return True
    return not is_recent(lease.since)


def _fail(sweep: Sweep, header: Header, cause: str) -> Repair | None:
    failed = rejecting.fail_run(sweep.runtime, header.run, cause)
    return Repair("closed", header.run, ids_of(header)) if failed else None
