"""The end of a run, as its execution tells it: for the recorder when told, for the sweeper when not, and for
whoever has waited for the recorder in vain.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from stagewright.naming import timestamp
from stagewright.run.gateway import Gateway
from stagewright.run.gateway.executions import Execution
from stagewright.run.gateway.runs import WAITING, Header, StageItem
from stagewright.run.planned import recorded_stages
from stagewright.run.start import REASON_LIMIT
from stagewright.run.together import together

STATUSES = {"SUCCEEDED": "SUCCEEDED", "FAILED": "FAILED", "TIMED_OUT": "FAILED", "ABORTED": "STOPPED"}
"""Of an execution (DescribeExecution) -> of a run."""


def close(gateway: Gateway, header: Header, execution: Execution) -> str | None:
    """The run's new status, or None where there was nothing to change. Doing it again changes nothing.

    Stages that the state machine did not record are marked first, so that a closed run is whole.
    """
    if not header.is_open or execution.status not in STATUSES:
        return None
    over = ended(header, execution)
    if over.status != "SUCCEEDED":
        _mark(gateway, header, unrecorded(execution), over.ended)
    names = ("status", "execution", "started", "ended", "reason")
    changes = {name: getattr(over, name) for name in names}
    return over.status if gateway.runs.advance(header.run, ["PLANNED", "RUNNING"], changes) else None


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
    """The status of a stage without record: a failed machine had begun none, a stopped one may have."""
    return "STOPPED" if execution.status in ("ABORTED", "TIMED_OUT") else "NOT_RUN"


def reason(execution: Execution) -> str:
    """One sentence on how it ended; empty for a good end."""
    match execution.status:
        case "SUCCEEDED":
            return ""
        case "TIMED_OUT":
            return "the run took longer than the state machine allows"
        case "ABORTED":
            return execution.cause or "stopped"
        case _:
            return execution.cause or execution.error or "the execution failed without a cause"


def _mark(gateway: Gateway, header: Header, status: str, ended: str) -> None:
    recorded = gateway.runs.stages(header.run)
    missing = [
        StageItem(stage.name, status, ended=ended)
        for stage in recorded_stages(gateway, header)
        if stage.action == "run" and (stage.name not in recorded or recorded[stage.name].status == WAITING)
    ]
    together(lambda stage: gateway.runs.put_stage_if_absent(header.run, stage), missing)
