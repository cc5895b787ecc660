"""Close a run: record how its execution ended, and grant the lease to the pipeline's next run.

The recorder closes a run when the execution's event arrives. The sweeper does if the event was lost, and so
does a command that waits for the end.

The write that ends a run marks it as unfinished. Then the queue is released, people are notified, and the
mark is removed. If a function dies in between, the sweeper finds the mark and repeats these steps. So a
notice is sent at least once, also for a run that a command has closed.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

from stagewright.aws.executions import Execution
from stagewright.errors import NotFoundError
from stagewright.gateway import Gateway
from stagewright.naming import timestamp
from stagewright.parallel import run_parallel
from stagewright.runs import notices, queue, usage, versions
from stagewright.runs.settings import Runtime
from stagewright.runs.stored_plan import recorded_stages, skipped_stages
from stagewright.runs.triggers import upstream
from stagewright.runs.values import REASON_LIMIT
from stagewright.store.run_items import WAITING, Header, StageItem


def record_end(runtime: Runtime, arn: str) -> str | None:
    """Close the run of an execution, if it has ended. Returns the run's new status; None: nothing changed.

    Events can come late, twice or never. So the execution's status is read, not the event's, and a closed run
    stays closed.
    """
    run = arn.rsplit(":", 1)[-1]
    header = runtime.gateway.runs.header(run)
    if header is None:
        runtime.log.warning("execution without a run", execution=arn)
        return None
    if not header.is_open:
        _finish_again(runtime, header)
        return None
    execution = runtime.gateway.executions.describe(arn)
    status = close(runtime.gateway, header, execution)
    runtime.log.info(
        "end recorded",
        run=run,
        pipeline=header.pipeline,
        execution_status=execution.status,
        status=status or "unchanged",
    )
    if status:
        finish(runtime, closed_header(header, execution))
        usage.record(runtime, run)
    return status


def finish(runtime: Runtime, header: Header) -> bool:
    """Notify people of an ended run, and remove the mark of an unfinished one. Safe to repeat.

    False: the notice could not be sent. The sweeper tries again.
    """
    if not notices.notify_end(runtime, header):
        return False
    runtime.gateway.runs.finish(header.run)
    return True


def _finish_again(runtime: Runtime, header: Header) -> None:
    if runtime.gateway.runs.is_unfinished(header.run):
        queue.release(runtime.gateway, header)
        finish(runtime, header)


STATUSES = {"SUCCEEDED": "SUCCEEDED", "FAILED": "FAILED", "TIMED_OUT": "FAILED", "ABORTED": "STOPPED"}
"""Status of an execution (DescribeExecution) -> status of its run."""


def close(gateway: Gateway, header: Header, execution: Execution) -> str | None:
    """Close a run as its execution ended. Returns the new status; None: nothing changed. Idempotent.

    Two writes come before the header's, so that a crash loses neither: the stages that the state machine did
    not record, and the events that trigger downstream runs. The release of the queue comes after it, and the
    events of versions that a person approved in the meantime. `reconcile` repairs both. The caller or the
    sweeper finishes a run that sends a notice.
    """
    if not header.is_open or execution.status not in STATUSES:
        return None
    closed = closed_header(header, execution)
    if closed.status != "SUCCEEDED" or closed.reason:
        _record_missing_stages(gateway, header, execution, closed)
    if closed.status == "SUCCEEDED":
        upstream.trigger_downstream(gateway, closed)
    names = ("status", "execution", "started", "ended", "reason")
    changes = {name: getattr(closed, name) for name in names}
    awaiting = bool(header.versions)
    if not gateway.runs.transition(header.run, ["PLANNED", "RUNNING"], changes, awaiting=awaiting):
        return None
    _release(gateway, closed)
    if awaiting:
        versions.check_again(gateway, closed)
    return closed.status


def close_unstarted(gateway: Gateway, header: Header, status: str, reason: str) -> Header | None:
    """Close a run that has no execution yet. Returns its new header; None: it has an execution, or has ended.

    The caller or the sweeper finishes a run that sends a notice.
    """
    changes = {"status": status, "ended": timestamp(datetime.now(UTC)), "reason": reason[:REASON_LIMIT]}
    if not gateway.runs.transition(header.run, ["QUEUED", "PLANNED"], changes):
        return None
    closed = replace(header, status=status, ended=changes["ended"], reason=changes["reason"])
    release_unstarted(gateway, closed, planned=header.status == "PLANNED")
    return closed


def release_unstarted(gateway: Gateway, header: Header, *, planned: bool) -> None:
    """Stop the execution that another function may have just started, and release the queue of an ended run.

    `planned`: the run had a plan that could be started.
    """
    if planned:
        with suppress(NotFoundError):
            gateway.executions.stop(gateway.executions.arn_of(header.run), header.reason)
    _release(gateway, header)


def _release(gateway: Gateway, header: Header) -> None:
    """Release the queue of an ended run. Without a notice to send, that finishes it."""
    queue.release(gateway, header)
    if header.status not in notices.NOTICES:
        gateway.runs.finish(header.run)


def close_if_ended(gateway: Gateway, run: str) -> str | None:
    """Close a running run if its execution has ended. Returns its new status; None: nothing changed."""
    header = gateway.runs.header(run)
    if header is None or header.status != "RUNNING":
        return None
    return close(gateway, header, gateway.executions.describe(header.execution))


def closed_header(header: Header, execution: Execution) -> Header:
    """The header after `close`. While the execution runs: the header as it is."""
    if execution.status not in STATUSES:
        return header
    return replace(
        header,
        status=STATUSES[execution.status],
        execution=execution.arn,
        started=header.started or timestamp(datetime.fromtimestamp(execution.started, UTC)),
        ended=timestamp(datetime.fromtimestamp(execution.ended or execution.started, UTC)),
        reason=reason(execution)[:REASON_LIMIT],
    )


def unrecorded_status(execution: Execution) -> str:
    """The status of a planned stage that the state machine did not record.

    After a success, a closed gate skipped it. An execution that was stopped may have begun it; one that
    failed has not.
    """
    if execution.status == "SUCCEEDED":
        return "SKIPPED"
    return "STOPPED" if execution.status in ("ABORTED", "TIMED_OUT") else "NOT_RUN"


def reason(execution: Execution) -> str:
    """How an execution ended, in one sentence. Empty: it succeeded, and no gate closed."""
    match execution.status:
        case "SUCCEEDED":
            return _closed_gate(execution.output)
        case "TIMED_OUT":
            return "the run took longer than the state machine allows"
        case "ABORTED":
            return execution.cause or "stopped"
        case _:
            return execution.cause or execution.error or "the execution failed without a cause"


def _closed_gate(output: str) -> str:
    """The field `reason` of the execution's output."""
    result = json.loads(output) if output else {}
    return str(result.get("reason", "")) if isinstance(result, dict) else ""


def _record_missing_stages(gateway: Gateway, header: Header, execution: Execution, closed: Header) -> None:
    recorded = gateway.runs.stages(header.run)
    planned = recorded_stages(gateway, header)
    stopped = closed.reason if closed.status == "SUCCEEDED" else ""
    skipped = {stage.name: stage for stage in skipped_stages(planned, recorded, stopped)}
    status = unrecorded_status(execution)
    missing = [
        replace(skipped.get(stage.name, StageItem(stage.name, status)), ended=closed.ended)
        for stage in planned
        if stage.action == "run" and (stage.name not in recorded or recorded[stage.name].status == WAITING)
    ]
    run_parallel(lambda stage: gateway.runs.put_stage_if_absent(header.run, stage), missing)
