"""Repair what was missed: events are best effort, and a function can die between two steps.

The sweeper runs every five minutes. Each check finds one kind of unfinished work and repairs it as
`lifecycle` or `closing` would have done it, so a check can run at any moment, twice, or at the same time.

check                what it finds                             its repair
unclaimed_manifests  pushes newer than every claimed one       sends the newest one's event again, which
                                                               claims all of them, oldest first
overdue_batches      a data batch whose window is over         requests its run
missed_ticks         no tick for more than a minute            ticks
open_runs            a planned run without an execution        advances it; fails it after an hour
                     a running run whose execution has ended   closes it
                     a decided approval not carried out        carries it out
awaiting_runs        an approved version without its run       sends its event again
                     a run whose versions are all decided      takes it off the list
decisions            an unannounced wait for a person         sends a notice with the evidence
unfinished_runs      an ended run whose notice or release was  stops a late execution, releases its queue,
                     missed                                    notifies people
uncounted_runs       an ended run whose jobs were stopping      records what it used and cost; a count is no
                     or could not be read                      repair
bypass_notices       a bypassed control that was not announced sends the notice
run_queues           a free lease                              grants it to the next run
                     a holder that has not started             sends `Run Ready`; fails it after the last try
expired_endpoints    an endpoint whose time to live is over    deletes it
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from stagewright.aws.executions import Execution
from stagewright.errors import NotFoundError, StagewrightError, TargetError
from stagewright.formats import FormatError
from stagewright.gateway import Gateway
from stagewright.naming import epoch, timestamp
from stagewright.planner.approvals import APPROVED
from stagewright.runs import (
    approvals,
    closing,
    lifecycle,
    notices,
    pending,
    queue,
    rejecting,
    usage,
    versions,
)
from stagewright.runs.endpoints.expiry import expire
from stagewright.runs.intake import messages
from stagewright.runs.pending import Pending
from stagewright.runs.releases import manifest as manifests
from stagewright.runs.releases import pushes
from stagewright.runs.settings import Runtime
from stagewright.runs.triggers import data, schedules
from stagewright.runs.values import RunOptions
from stagewright.store.endpoints import EndpointRecord
from stagewright.store.run_items import Header
from stagewright.store.run_queue import Lease

PATIENCE = 120
"""Seconds that the usual way has before something counts as missed."""
MINUTE = 60
NOTICE_LIFETIME = 24 * 3600
"""Seconds for which the sweeper tries to send a notice."""
COUNTED_FOR = 24 * 3600
"""Seconds after the end of a run for which the sweeper reads what its jobs used."""
HELD_AT_MOST = 3600
"""Seconds that a run may hold its pipeline's lease without an execution."""
OPEN_LIMIT = 50_000
"""Open runs that one sweep checks, oldest first."""


@dataclass(frozen=True)
class Repair:
    """One repair: requeued, fired, ticked, started, closed, finished, decided, granted, notified
    or expired.

    `ids`: run and pipeline for the log, as far as the repair is about one.
    """

    what: str
    subject: str
    ids: Mapping[str, str] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class Sweep:
    """One sweep. `before`: epoch seconds; what is newer is left to the usual way.

    `open_runs`: as they were before the first repair, so that no check repairs what another one has started.
    """

    runtime: Runtime
    before: float
    open_runs: tuple[Header, ...]

    @property
    def gateway(self) -> Gateway:
        return self.runtime.gateway

    def is_late(self, header: Header) -> bool:
        return _created(header) <= self.before


Candidates = Iterator[tuple[str, Callable[[], Repair | None]]]
"""Subjects to look at, each with its own action. The action returns None if there was nothing to repair."""


def reconcile(runtime: Runtime, patience: float = PATIENCE) -> list[Repair]:
    """Run every check. Returns and logs the repairs.

    A repair that fails does not stop the others. StagewrightError: names the failed ones, at the end.
    """
    repairs: list[Repair] = []
    failed: list[str] = []
    sweep = Sweep(runtime, time.time() - patience, _open_runs(runtime, failed))
    for subject, act in (candidate for check in CHECKS for candidate in _candidates(check, sweep)):
        try:
            repair = act()
        except Exception as error:
            runtime.log.exception("repair failed", subject=subject)
            failed.append(f"{subject}: {error}")
            continue
        if repair:
            details: dict[str, Any] = {"repair": repair.what, "subject": repair.subject, **repair.ids}
            runtime.log.warning("repaired", metric="Repairs", value=1, **details)
            repairs.append(repair)
    if failed:
        raise StagewrightError(
            f"{len(failed)} repairs failed: {'; '.join(failed)}", "the next sweep tries again"
        )
    return repairs


def _open_runs(runtime: Runtime, failed: list[str]) -> tuple[Header, ...]:
    """List the open runs. An item of a later version must not stop the checks of everything else."""
    try:
        return runtime.gateway.runs.open_runs(OPEN_LIMIT)
    except FormatError as error:
        runtime.log.exception("open runs not read")
        failed.append(str(error))
        return ()


def _candidates(check: Callable[[Sweep], Candidates], sweep: Sweep) -> Candidates:
    """Yield the candidates of a check. If it cannot list them, yield that failure."""
    try:
        yield from check(sweep)
    except FormatError as error:
        yield check.__name__, partial(_raise, error)


def _raise(error: Exception) -> Repair | None:
    raise error


def unclaimed_manifests(sweep: Sweep) -> Candidates:
    for obj in list(sweep.gateway.objects.list(manifests.FOLDER)):
        pipeline = manifests.pipeline_of(obj.key)
        if pipeline and obj.modified > sweep.before - pushes.WINDOW:
            yield obj.key, partial(_requeue, sweep, pipeline)


def overdue_batches(sweep: Sweep) -> Candidates:
    for item in data.overdue(sweep.gateway, sweep.before):
        yield item, partial(_fire, sweep, item)


def missed_ticks(sweep: Sweep) -> Candidates:
    yield "the clock", partial(_tick, sweep)


def open_runs(sweep: Sweep) -> Candidates:
    _log_oldest(sweep)
    for header in sweep.open_runs:
        if header.status == "PLANNED" and sweep.is_late(header):
            yield header.run, partial(_start, sweep, header)
        elif header.status == "RUNNING" and sweep.is_late(header):
            yield header.run, partial(_close_or_decide, sweep, header)


def awaiting_runs(sweep: Sweep) -> Candidates:
    for header in sweep.gateway.runs.awaiting(OPEN_LIMIT):
        yield f"the versions of {header.run}", partial(_check_versions, sweep, header)


def decisions(sweep: Sweep) -> Candidates:
    for item in pending.listed(sweep.gateway) if sweep.runtime.topic else ():
        yield f"the notice of {item.names}", partial(_announce, sweep, item)


def unfinished_runs(sweep: Sweep) -> Candidates:
    for run, since in sweep.gateway.runs.unfinished():
        if epoch(since) <= sweep.before:
            yield run, partial(_finish, sweep, run, since)


def uncounted_runs(sweep: Sweep) -> Candidates:
    for run, since in sweep.gateway.runs.uncounted():
        if epoch(since) <= sweep.before:
            yield run, partial(_count, sweep, run, since)


def bypass_notices(sweep: Sweep) -> Candidates:
    for run, since in sweep.gateway.runs.unannounced():
        if epoch(since) <= sweep.before:
            yield f"the notice of {run}", partial(_report_bypass, sweep, run, since)


def run_queues(sweep: Sweep) -> Candidates:
    waiting: dict[str, list[Header]] = {}
    for header in sweep.open_runs:
        if header.status == "QUEUED":
            waiting.setdefault(header.pipeline, []).append(header)
    for pipeline, headers in waiting.items():
        yield f"the run queue of {pipeline}", partial(_check_queue, sweep, pipeline, headers)


def expired_endpoints(sweep: Sweep) -> Candidates:
    for item in sweep.gateway.endpoint_records.expired(timestamp(datetime.now(UTC))):
        yield f"endpoint {item.name}", partial(_expire, sweep, item)


CHECKS: tuple[Callable[[Sweep], Candidates], ...] = (
    unclaimed_manifests,
    overdue_batches,
    missed_ticks,
    open_runs,
    awaiting_runs,
    decisions,
    unfinished_runs,
    uncounted_runs,
    bypass_notices,
    run_queues,
    expired_endpoints,
)


def _requeue(sweep: Sweep, pipeline: str) -> Repair | None:
    """Send the event of the newest lost push. The router claims the earlier ones before it."""
    lost = pushes.lost(sweep.gateway, pipeline, before=sweep.before)
    if not lost:
        return None
    newest = lost[-1]
    event = messages.release_event(sweep.gateway.installation, pipeline, newest.version, newest.time)
    sweep.gateway.queue.send(event)
    subject = f"{pipeline}: {', '.join(push.version for push in lost)}"
    return Repair("requeued", subject, {"pipeline": pipeline})


def _fire(sweep: Sweep, item: str) -> Repair | None:
    key = data.check(sweep.gateway, item)
    return Repair("fired", key) if key else None


def _tick(sweep: Sweep) -> Repair | None:
    """Tick in place of the rule `tick`. The very first tick is left to the rule."""
    last = sweep.gateway.trigger_state.last_tick()
    if not last or epoch(last) > sweep.before - MINUTE:
        return None
    count = schedules.tick(sweep.gateway, datetime.now(UTC))
    return Repair("ticked", f"{count} runs since {last}") if count else None


def _log_oldest(sweep: Sweep) -> None:
    """Log the age of the oldest open run in seconds, for an alarm."""
    for header in sweep.open_runs[:1]:
        age = round(time.time() - _created(header))
        sweep.runtime.log.info("oldest open run", metric="OldestRun", value=age, **_ids(header))


def _start(sweep: Sweep, header: Header) -> Repair | None:
    """Advance a planned run. After an hour without an execution, fail it, so that the next run can start."""
    gateway = sweep.gateway
    try:
        lifecycle.advance(sweep.runtime, header.run)
    except StagewrightError as error:
        if not gateway.runs.is_open(header.run):
            return Repair("closed", header.run, _ids(header))
        lease = gateway.run_queue.lease(header.pipeline)
        since = lease.since if lease and lease.holder == header.run else header.created
        if _is_recent(since) or gateway.executions.exists(header.run):
            raise
        return _fail(sweep, header, f"it could not be started: {error.message}")
    return Repair("started", header.run, _ids(header))


def _close_or_decide(sweep: Sweep, header: Header) -> Repair | None:
    """Close a run whose execution has ended. In a run that continues, carry out decided approvals."""
    try:
        status = closing.record_end(sweep.runtime, header.execution)
    except NotFoundError:
        status = _close_lost(sweep.runtime, header)
    if status:
        return Repair("closed", header.run, _ids(header))
    before = timestamp(datetime.fromtimestamp(sweep.before, UTC))
    decided = approvals.carry_out_missed(sweep.gateway, header.run, before)
    stages = ", ".join(approval.stage for approval in decided)
    return Repair("decided", f"{header.run}: {stages}", _ids(header)) if decided else None


def _close_lost(runtime: Runtime, header: Header) -> str | None:
    """Close a run whose execution is gone. Step Functions deletes it 90 days after its end (quotas)."""
    now = time.time()
    cause = "its execution is gone: deleted, or ended more than 90 days ago"
    execution = Execution(header.execution, "FAILED", now, now, "Stagewright.Lost", cause)
    status = closing.close(runtime.gateway, header, execution)
    if status:
        closing.finish(runtime, closing.closed_header(header, execution))
    return status


def _announce(sweep: Sweep, item: Pending) -> Repair | None:
    """Notify people of a decision that waits. The usual way has no notice, so this repairs nothing."""
    pending.announce(sweep.runtime, item)
    return None


def _check_versions(sweep: Sweep, header: Header) -> Repair | None:
    """Send the event of an approved version again, unless a run continues it. A list is no repair."""
    if versions.stop_awaiting(sweep.gateway, header):
        return None
    for version in versions.of_run(sweep.gateway, header):
        is_late = version.package.modified <= sweep.before
        if version.package.approval == APPROVED and versions.continues(version) and is_late:
            versions.send(sweep.gateway, version.package.arn, header.ended)
            return Repair("requeued", version.package.arn, _ids(header))
    return None


def _finish(sweep: Sweep, run: str, since: str) -> Repair | None:
    """Finish an ended run. TargetError: its notice cannot be sent. It is dropped after a day."""
    header = sweep.gateway.runs.header(run)
    if header is None or not sweep.gateway.runs.is_unfinished(run):
        return None
    if header.execution:
        queue.release(sweep.gateway, header)
    else:
        rejecting.finish_unstarted(sweep.runtime, header)
    if not closing.finish(sweep.runtime, header):
        _drop_notice(sweep.gateway.runs.finish, run, since)
    return Repair("finished", run, _ids(header))


def _count(sweep: Sweep, run: str, since: str) -> None:
    """Record what an ended run used. After a day, its numbers are final as they are."""
    usage.record(sweep.runtime, run)
    if epoch(since) <= time.time() - COUNTED_FOR:
        sweep.gateway.runs.stop_counting(run)


def _report_bypass(sweep: Sweep, run: str, since: str) -> Repair | None:
    """Send the notice of a bypassed control. TargetError: it cannot be sent. It is dropped after a day."""
    header = sweep.gateway.runs.header(run)
    if header is None or not sweep.gateway.runs.is_unannounced(run):
        return None
    if not notices.report_bypass(sweep.runtime, header):
        _drop_notice(sweep.gateway.runs.mark_announced, run, since)
    return Repair("finished", run, _ids(header))


def _drop_notice(drop: Callable[[str], None], run: str, since: str) -> None:
    if epoch(since) > time.time() - NOTICE_LIFETIME:
        raise TargetError(f"the notice of {run} cannot be sent", "see this function's log")
    drop(run)


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
    return Repair("notified", header.run, _ids(header))


def _is_hopeless(lease: Lease, before: float) -> bool:
    """The last attempt was begun and is over, or the holder has not started for an hour."""
    if lease.attempts >= lifecycle.ATTEMPTS and epoch(lease.last_attempt_at) <= before:
        return True
    return not _is_recent(lease.since)


def _is_recent(since: str) -> bool:
    return time.time() - epoch(since) < HELD_AT_MOST


def _fail(sweep: Sweep, header: Header, cause: str) -> Repair | None:
    failed = rejecting.fail_run(sweep.runtime, header.run, cause)
    return Repair("closed", header.run, _ids(header)) if failed else None


def _expire(sweep: Sweep, item: EndpointRecord) -> Repair | None:
    return Repair("expired", item.name) if expire(sweep.gateway, item) else None


def _created(header: Header) -> float:
    return epoch(header.created)


def _ids(header: Header) -> dict[str, Any]:
    return {"run": header.run, "pipeline": header.pipeline}
