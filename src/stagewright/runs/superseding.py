"""Runs that a later one of their pipeline supersedes.

A push is superseded when the run of a newer push has left the queue: it is closed before it starts. A run
with `concurrency: cancel-running` stops the earlier runs.
"""

from __future__ import annotations

from datetime import UTC, datetime

from stagewright.errors import RunFailedError, StagewrightError
from stagewright.gateway import Gateway
from stagewright.naming import timestamp
from stagewright.runs import closing
from stagewright.runs.plan_inputs import load
from stagewright.runs.plan_inputs.load import RunInputs
from stagewright.runs.releases import pushes
from stagewright.runs.settings import Runtime
from stagewright.runs.stored_plan import save_plan
from stagewright.runs.triggers import cooldown
from stagewright.runs.values import RunOptions
from stagewright.store.run_items import Header
from stagewright.store.run_queue import QueueEntry

SUPERSEDED = "superseded by {newer}; to run it anyway: stagewright run {pipeline} --release={version}"


def close_if_overtaken(runtime: Runtime, header: Header) -> bool:
    """Close a queued push if a newer push of its pipeline has overtaken it. Returns whether it is closed now.

    Its trigger's cooldown ends with it. A run that a person asked for by its release is never overtaken.
    """
    options = RunOptions.of(header)
    if header.trigger.type != "code" or not options.version or options.any_release:
        return False
    newer = pushes.overtaken_by(runtime.gateway, header.pipeline, options.version)
    if newer is None:
        return False
    cooldown.cancel(runtime.gateway, header.pipeline, options.trigger_name, header.trigger.key)
    reason = SUPERSEDED.format(
        newer=f"run {newer}, the run of a newer push" if newer else "a newer push",
        pipeline=header.pipeline,
        version=options.version,
    )
    closing.close_unstarted(runtime.gateway, header, "STOPPED", reason)
    runtime.log.warning("superseded", run=header.run, pipeline=header.pipeline, reason=reason)
    return True


def stop_earlier_runs(runtime: Runtime, header: Header, inputs: RunInputs | None) -> None:
    """Plan a run that waits, then stop the runs ahead of it. A run that cannot be planned stops none.

    The plan is saved, unless a run ahead could not be stopped or has finished a stage since: the plan would
    then miss a result.
    """
    gateway = runtime.gateway
    since = timestamp(datetime.now(UTC))
    plan = None if header.plan else load.plan_header(runtime, header, inputs)
    stopped = [
        _stop(runtime, run, header.run) and not _finished_stage(gateway, run, since)
        for run in _runs_ahead(gateway, header)
    ]
    if plan and all(stopped):
        save_plan(gateway, plan)


def _runs_ahead(gateway: Gateway, header: Header) -> tuple[str, ...]:
    """The runs ahead in the queue, and the lease holder. Waiting runs first, so that none of them starts."""
    entry, lease = QueueEntry.of(header), gateway.run_queue.lease(header.pipeline)
    waiting = gateway.run_queue.entries(header.pipeline)
    runs = [other.run for other in waiting if other.key["item"] < entry.key["item"]]
    return (*runs, lease.holder) if lease and lease.holder != header.run else tuple(runs)


def _stop(runtime: Runtime, run: str, by: str) -> bool:
    """Stop a run. False: that failed; the sweeper repeats it."""
    from stagewright.runs.stop import stop  # imported here to keep cold starts short

    try:
        stop(runtime.gateway, run, f"run {by}")
    except RunFailedError:
        return True  # the run has ended in the meantime
    except StagewrightError as error:
        runtime.log.exception("run not stopped", run=run, reason=error.message)
        return False
    return True


def _finished_stage(gateway: Gateway, run: str, since: str) -> bool:
    return any(stage.ended >= since for stage in gateway.runs.stages(run).values())
