"""Stop a run."""

from __future__ import annotations

import time
from functools import partial

from stagewright.aws.executions import Execution
from stagewright.errors import NotFoundError, RunFailedError, StagewrightError
from stagewright.gateway import Gateway
from stagewright.parallel import run_parallel
from stagewright.runs.closing import close, close_unstarted
from stagewright.runs.history.records import StageRecord
from stagewright.runs.history.run_history import show
from stagewright.stages.registry import recorded_kind


def stop(gateway: Gateway, run: str, by: str) -> None:
    """Stop the execution and the active jobs of a run. The recorder then closes it; a waiting run, and one
    whose execution is gone, is closed here.

    Step Functions stops the job of a `.sync` task with its execution on a best-effort basis (Developer Guide,
    "Run a Job (.sync)"). SageMaker is asked too, so that no job keeps running at a cost. NotFoundError: the
    run does not exist. RunFailedError: it has ended. If the execution or a job cannot be stopped, its error
    is raised after all the others were asked to stop.
    """
    record = show(gateway, run)
    cause = f"stopped by {by}" if by else "stopped"
    if not record.is_open:
        raise RunFailedError(
            f"{run} has ended already: {record.status}", f"look at it: stagewright show {run}"
        )
    if record.status in ("QUEUED", "PLANNED"):
        header = gateway.runs.header(run)
        if header and close_unstarted(gateway, header, "STOPPED", cause):
            return
        record = show(gateway, run)
    failed = _stop_execution(gateway, record.execution, cause)
    errors = [error for error in run_parallel(partial(_stop_stage, gateway), record.stages) if error]
    if isinstance(failed, NotFoundError) and not errors:
        _close_lost(gateway, run, cause)
        return
    errors += [failed] if failed else []
    if errors:
        raise errors[0]


def _stop_execution(gateway: Gateway, execution: str, cause: str) -> StagewrightError | None:
    """Stop an execution. Returns the error, so that the jobs are stopped too."""
    try:
        gateway.executions.stop(execution, cause)
    except StagewrightError as error:
        return error
    return None


def _close_lost(gateway: Gateway, run: str, cause: str) -> None:
    """Close a run whose execution is gone. No event of it will arrive."""
    now = time.time()
    if header := gateway.runs.header(run):
        close(gateway, header, Execution(header.execution, "ABORTED", now, now, "Stagewright.Lost", cause))


def _stop_stage(gateway: Gateway, stage: StageRecord) -> StagewrightError | None:
    """Stop the job of a stage. Returns the error, so that the other jobs are stopped too."""
    try:
        _stop_job(gateway, stage)
    except StagewrightError as error:
        return error
    return None


def _stop_job(gateway: Gateway, stage: StageRecord) -> None:
    if stage.status != "RUNNING":
        return
    service = recorded_kind(stage.kind).schema.job_service
    if service == "glue":
        if run := gateway.glue.find(stage.definition, stage.job):
            gateway.glue.stop(stage.definition, run.id)
    elif service != "none":
        gateway.jobs.stop(service, stage.job)
