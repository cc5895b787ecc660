"""The live status of a running run: what SageMaker, Glue and Step Functions report now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from stagewright.errors import NotFoundError
from stagewright.gateway import Gateway
from stagewright.naming import timestamp
from stagewright.parallel import run_parallel
from stagewright.runs.closing import closed_header, unrecorded_status
from stagewright.runs.history.records import StageRecord, age
from stagewright.stages.registry import recorded_kind
from stagewright.store.run_items import WAITING, Header

GRACE = 5.0
"""Seconds that the recorder has to record the end of a run, before `show` reads it from the execution."""
NOT_PASSED = ("FAILED", "CLOSED")
"""Statuses of a stage after which the rest of its part does not run."""
PASSED = ("SUCCEEDED", *NOT_PASSED)
"""Statuses after which the chain continues, with the next stage or the next part."""
UNFINISHED = ("PLANNED", "RUNNING", WAITING)


def with_live_status(
    gateway: Gateway, header: Header, stages: Sequence[StageRecord]
) -> tuple[StageRecord, ...]:
    """Return `stages` with the live status of the running ones. Reads only the jobs of those."""
    since = dict(_running(header, stages))
    running = [stage for stage in stages if stage.name in since]
    live = run_parallel(lambda stage: _live(gateway, stage, since[stage.name]), running)
    by_name = {stage.name: stage for stage in live}
    return tuple(by_name.get(stage.name, stage) for stage in stages)


def with_unrecorded_end(
    gateway: Gateway, header: Header, stages: tuple[StageRecord, ...]
) -> tuple[Header, tuple[StageRecord, ...]]:
    """Return the end of the execution if it has ended and is not recorded.

    An active job means that the execution runs. Otherwise this calls DescribeExecution.
    """
    if any(stage.status == "RUNNING" and recorded_kind(stage.kind).has_job for stage in stages):
        return header, stages
    try:
        execution = gateway.executions.describe(header.execution)
    except NotFoundError:
        return header, stages
    over = closed_header(header, execution)
    if over.is_open or datetime.now(UTC).timestamp() < (execution.ended or 0) + GRACE:
        return header, stages
    left = unrecorded_status(execution)
    return over, tuple(replace(s, status=left) if s.status in UNFINISHED else s for s in stages)


def _running(header: Header, stages: Sequence[StageRecord]) -> Iterator[tuple[str, str]]:
    """Yield the first unrecorded stage of each chain of the current wave, and when it could start."""
    running = [stage for stage in stages if stage.action == "run"]
    open_waves = [
        stage.wave for stage in running if stage.status in UNFINISHED and not _failed(stage, running)
    ]
    if not open_waves:
        return
    wave = min(open_waves)
    started = max([header.started, *(stage.ended for stage in running if stage.wave < wave)])
    for chain in sorted({stage.chain for stage in running if stage.wave == wave}):
        links = sorted((s for s in running if (s.wave, s.chain) == (wave, chain)), key=lambda s: s.position)
        since = started
        ended = {stage.part for stage in links if stage.status in NOT_PASSED}
        for stage in links:
            if stage.status == "PLANNED" and stage.part not in ended:
                yield stage.name, since
                break
            if stage.status not in (*PASSED, "PLANNED"):
                break
            since = max(since, stage.ended)


def _failed(stage: StageRecord, others: Sequence[StageRecord]) -> bool:
    """Return whether a failed or closed stage of its part of the chain keeps the stage from running."""
    return any(
        other.status in NOT_PASSED
        and (other.wave, other.chain, other.part) == (stage.wave, stage.chain, stage.part)
        for other in others
    )


def _live(gateway: Gateway, stage: StageRecord, since: str) -> StageRecord:
    """Return the stage as its service reports it. A stage without a job is RUNNING `since` that time."""
    service = recorded_kind(stage.kind).schema.job_service
    if service == "none":
        return replace(stage, status="RUNNING", started=since, seconds=age(since))
    if service == "glue":
        return _glue_run(gateway, stage)
    job = gateway.jobs.describe(service, stage.job)
    if job is None:
        return stage
    started = timestamp(datetime.fromtimestamp(job.started or job.created, UTC))
    return replace(
        stage,
        status="RUNNING",
        started=started,
        seconds=(job.ended or datetime.now(UTC).timestamp()) - (job.started or job.created),
        detail=job.detail,
        metrics=job.metrics,
        cause=job.reason,
    )


def _glue_run(gateway: Gateway, stage: StageRecord) -> StageRecord:
    run = gateway.glue.find(stage.definition, stage.job)
    if run is None:
        return stage
    return replace(
        stage,
        status="RUNNING",
        started=timestamp(datetime.fromtimestamp(run.started, UTC)),
        seconds=(run.ended or datetime.now(UTC).timestamp()) - run.started,
        detail=run.state,
        cause=run.reason,
    )
