"""Stopping a run."""

from __future__ import annotations

from functools import partial

from stagewright.errors import NotFoundError, RunFailedError, StagewrightError
from stagewright.gateway import Gateway
from stagewright.parallel import run_parallel
from stagewright.runs.closing import abandon
from stagewright.runs.history.live_status import JOB_KINDS
from stagewright.runs.history.records import StageRecord
from stagewright.runs.history.run_history import show


def stop(gateway: Gateway, run: str, by: str) -> None:
    """Stops the execution and the jobs at work; the recorder writes the run's end. One that waits only ends.

    Step Functions stops the job of a `.sync` task when its execution is stopped, as best it can (Developer
    Guide, "Run a Job (.sync)"); asking SageMaker as well makes sure that nothing goes on costing money.
    NotFoundError: no such run. RunFailedError: it has ended already. A job that cannot be stopped is told of
    once all have been asked.
    """
    record = show(gateway, run)
    cause = f"stopped by {by}" if by else "stopped"
    if not record.is_open:
        raise RunFailedError(
            f"{run} has ended already: {record.status}", f"look at it: stagewright show {run}"
        )
    if record.status in ("QUEUED", "PLANNED"):
        header = gateway.runs.header(run)
        if header and abandon(gateway, header, "STOPPED", cause):
            return
        record = show(gateway, run)
    try:
        gateway.executions.stop(record.execution, cause)
    except NotFoundError as error:
        raise NotFoundError(f"{run}: {error.message}", "the sweeper closes it within five minutes") from error
    refused = [error for error in run_parallel(partial(_tried, gateway), record.stages) if error]
    if refused:
        raise refused[0]


def _tried(gateway: Gateway, stage: StageRecord) -> StagewrightError | None:
    """Why its job could not be stopped: told when all have been asked, each of which costs money."""
    try:
        _stop_job(gateway, stage)
    except StagewrightError as error:
        return error
    return None


def _stop_job(gateway: Gateway, stage: StageRecord) -> None:
    if stage.status != "RUNNING":
        return
    if stage.kind in JOB_KINDS:
        gateway.jobs.stop(JOB_KINDS[stage.kind], stage.job)
    elif stage.kind == "glue" and (run := gateway.glue.find(stage.definition, stage.job)):
        gateway.glue.stop(stage.definition, run.id)
