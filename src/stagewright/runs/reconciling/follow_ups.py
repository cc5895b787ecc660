"""Checks of what follows a run: notices, decisions, versions, used time, endpoints."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from stagewright.errors import TargetError
from stagewright.naming import epoch, timestamp
from stagewright.planner.approvals import APPROVED
from stagewright.runs import closing, notices, pending, queue, rejecting, usage, versions
from stagewright.runs.endpoints.expiry import expire
from stagewright.runs.pending import Pending
from stagewright.runs.reconciling.sweep import OPEN_LIMIT, Candidates, Repair, Sweep, ids_of
from stagewright.store.endpoints import EndpointRecord
from stagewright.store.run_items import Header

NOTICE_LIFETIME = 24 * 3600
"""Seconds for which the sweeper tries to send a notice."""
COUNTED_FOR = 24 * 3600
"""Seconds after the end of a run for which the sweeper reads what its jobs used."""


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


def expired_endpoints(sweep: Sweep) -> Candidates:
    for item in sweep.gateway.endpoint_records.expired(timestamp(datetime.now(UTC))):
        yield f"endpoint {item.name}", partial(_expire, sweep, item)


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
            return Repair("requeued", version.package.arn, ids_of(header))
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
    return Repair("finished", run, ids_of(header))


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
    return Repair("finished", run, ids_of(header))


def _drop_notice(drop: Callable[[str], None], run: str, since: str) -> None:
    if epoch(since) > time.time() - NOTICE_LIFETIME:
        raise TargetError(f"the notice of {run} cannot be sent", "see this function's log")
    drop(run)


def _expire(sweep: Sweep, item: EndpointRecord) -> Repair | None:
    return Repair("expired", item.name) if expire(sweep.gateway, item) else None
