"""The end of a run, as its execution tells it: for the recorder when told, for the sweeper when not, and for
whoever has waited for the recorder in vain. A run that is closed leaves its turn to the next.
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
from stagewright.runs import queue, settings
from stagewright.runs.notices import notify
from stagewright.runs.stored_plan import recorded_stages, shut_out
from stagewright.runs.triggers import upstream
from stagewright.runs.values import REASON_LIMIT
from stagewright.store.runs import WAITING, Header, StageItem


def record(gateway: Gateway, arn: str) -> str | None:
    """Closes the run of an execution that has ended; None where nothing was to do.

    Events come late, twice or not at all: so the execution itself is asked, not the event, and a run that is
    closed stays so. Whoever closes a failed run tells people, once.
    """
    logger = settings.logger()
    run = arn.rsplit(":", 1)[-1]
    header = gateway.runs.header(run)
    if header is None:
        logger.warning("an execution without a run", execution=arn)
        return None
    execution = gateway.executions.describe(arn)
    status = close(gateway, header, execution)
    logger.info(
        "recorded",
        run=run,
        pipeline=header.pipeline,
        execution_status=execution.status,
        status=status or "unchanged",
    )
    if status == "FAILED":
        notify(gateway, header, reason(execution))
    return status


STATUSES = {"SUCCEEDED": "SUCCEEDED", "FAILED": "FAILED", "TIMED_OUT": "FAILED", "ABORTED": "STOPPED"}
"""Of an execution (DescribeExecution) -> of a run."""


def close(gateway: Gateway, header: Header, execution: Execution) -> str | None:
    """The run's new status, or None where there was nothing to change. Doing it again changes nothing.

    Stages that the state machine did not record are marked first, so that a closed run is whole; the runs
    that wait for a good end are asked for first, so that none is forgotten.
    """
    if not header.is_open or execution.status not in STATUSES:
        return None
    over = ended(header, execution)
    if over.status != "SUCCEEDED" or over.reason:
        _mark(gateway, header, execution, over)
    if over.status == "SUCCEEDED":
        upstream.announce(gateway, over)
    names = ("status", "execution", "started", "ended", "reason")
    changes = {name: getattr(over, name) for name in names}
    if not gateway.runs.transition(header.run, ["PLANNED", "RUNNING"], changes):
        return None
    queue.leave(gateway, header)
    return over.status


def abandon(gateway: Gateway, header: Header, status: str, reason: str) -> bool:
    """Closes a run that has no execution; False where it has one by now, or is over."""
    changes = {"status": status, "ended": timestamp(datetime.now(UTC)), "reason": reason[:REASON_LIMIT]}
    if not gateway.runs.transition(header.run, ["QUEUED", "PLANNED"], changes):
        return False
    if header.status == "PLANNED":
        with suppress(NotFoundError):  # it may have been started just now
            gateway.executions.stop(gateway.executions.arn_of(header.run), reason)
    queue.leave(gateway, header)
    return True


def settle(gateway: Gateway, run: str) -> str | None:
    """Closes the run if its execution has ended and nobody wrote that down; its new status, or None."""
    header = gateway.runs.header(run)
    if header is None or header.status != "RUNNING":
        return None
    return close(gateway, header, gateway.executions.describe(header.execution))


def ended(header: Header, execution: Execution) -> Header:
    """The header as it will be; as it is while the execution runs."""
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


def unrecorded(execution: Execution) -> str:
    """The status of a stage without record: a failed machine had begun none, a stopped one may have, and one
    that ended well at a closed gate has left it out."""
    if execution.status == "SUCCEEDED":
        return "SKIPPED"
    return "STOPPED" if execution.status in ("ABORTED", "TIMED_OUT") else "NOT_RUN"


def reason(execution: Execution) -> str:
    """One sentence on how it ended; empty for a good end, unless a gate has closed."""
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
    """The machine's output says so in `reason`."""
    found = json.loads(output) if output else {}
    return str(found.get("reason", "")) if isinstance(found, dict) else ""


def _mark(gateway: Gateway, header: Header, execution: Execution, over: Header) -> None:
    recorded = gateway.runs.stages(header.run)
    planned = recorded_stages(gateway, header)
    stopped = over.reason if over.status == "SUCCEEDED" else ""
    skipped = {stage.name: stage for stage in shut_out(planned, recorded, stopped)}
    missing = [
        replace(skipped.get(stage.name, StageItem(stage.name, unrecorded(execution))), ended=over.ended)
        for stage in planned
        if stage.action == "run" and (stage.name not in recorded or recorded[stage.name].status == WAITING)
    ]
    run_parallel(lambda stage: gateway.runs.put_stage_if_absent(header.run, stage), missing)
