"""What ran, what runs, and what came of it: plan, recorded stages and the jobs at work, as one record."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from stagewright.errors import NotFoundError
from stagewright.naming import timestamp
from stagewright.plan.model import Trigger
from stagewright.run import manifest as manifests
from stagewright.run import release, resumption
from stagewright.run.close import ended, unrecorded
from stagewright.run.gateway import Gateway
from stagewright.run.gateway.jobs import JobKind
from stagewright.run.gateway.leases import Lease
from stagewright.run.gateway.marks import Dropped
from stagewright.run.gateway.runs import OPEN, WAITING, AttemptItem, Header, StageItem
from stagewright.run.planned import PlannedStage, recorded_stages, shut_out
from stagewright.run.together import together
from stagewright.spec.findings import nearest

GRACE = 5.0
"""Seconds that the recorder has to write a run's end, before `show` tells what it finds itself."""
PLANNED_FIELDS = (
    "name",
    "kind",
    "action",
    "reason",
    "wave",
    "chain",
    "position",
    "fingerprint",
    "result",
    "reused_from",
    "attempts",
    "definition",
)
"""What a record takes over from the plan as it stands."""
METRIC = re.compile(r"request\.Create(?:\w|\.)+\.AlgorithmSpecification\.MetricDefinitions\.(.+)\.Regex")
"""Of the inputs of a stage, those that are a metric's expression."""
JOB_KINDS: Mapping[str, JobKind] = {
    "processing": "processing",
    "training": "training",
    "tuning": "tuning",
    "transform": "transform",
}
JOBS = (*JOB_KINDS, "glue")
"""Kinds of stages whose work a service can be asked about: SageMaker, or Glue."""
NAMED = 3
"""Stages that failed, named by those that did not run."""
UNDONE = ("PLANNED", "RUNNING", WAITING)


@dataclass(frozen=True)
class StageRecord:
    """One stage of one run. Times are ISO 8601 UTC text, empty where there is none.

    `status`: PLANNED, RUNNING, WAITING (for a person's approval), SUCCEEDED, FAILED, REUSED, CLOSED (a gate
    that did not fail the run), SKIPPED (off, or shut out by such a gate), STOPPED (the run was stopped) or
    NOT_RUN (the run failed before). `wave`, `chain`, `position`: its place in the plan, -1 where it does not
    run. `attempts`: the most that there may be; `earlier`: those that failed and were followed by another.
    `reused_from`: the run whose result stands for it. `detail`: what the service says of a job at work, or
    what is waited for. `definition`: the Glue job that it is a run of.
    `unseen`: metrics of a training stage whose expressions matched nothing that it printed.
    """

    name: str
    kind: str
    action: str
    reason: str
    status: str
    wave: int = -1
    chain: int = -1
    position: int = -1
    started: str = ""
    ended: str = ""
    seconds: float | None = None
    job: str = ""
    detail: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    result: Mapping[str, Any] = field(default_factory=dict)
    fingerprint: str = ""
    attempt: int = 0
    attempts: int = 1
    earlier: tuple[AttemptItem, ...] = ()
    error: str = ""
    cause: str = ""
    reused_from: str = ""
    unseen: tuple[str, ...] = ()
    definition: str = ""


@dataclass(frozen=True)
class RunRecord:
    """One run. `status`: QUEUED, PLANNED, RUNNING, SUCCEEDED, FAILED, STOPPED, REFUSED.

    Only from `show`: `stages`, and `resumed_by`, the runs that went on with this one. `waits_for`: the run
    whose end a QUEUED one waits for; empty where its turn has come. Only from `with_lineage`: `lineage`,
    where its release comes from.
    """

    run: str
    pipeline: str
    partition: str
    status: str
    trigger: Trigger
    release: str
    revision: int
    created: str
    started: str = ""
    ended: str = ""
    seconds: float | None = None
    reason: str = ""
    execution: str = ""
    plan: str = ""
    waits_for: str = ""
    resumed_by: tuple[str, ...] = ()
    stages: tuple[StageRecord, ...] = ()
    lineage: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    def stage(self, name: str) -> StageRecord:
        """NotFoundError where the run has no such stage."""
        for stage in self.stages:
            if stage.name == name:
                return stage
        remedy = nearest(name, (stage.name for stage in self.stages), "its stages") or "it has none"
        raise NotFoundError(f"{self.run} has no stage {name}", remedy)


def list_runs(gateway: Gateway, pipeline: str | None = None, limit: int = 20) -> list[RunRecord]:
    """Newest first, without their stages. Without a pipeline: of all that have a document or a release, and
    what was refused of any other."""
    names = [pipeline] if pipeline else _pipelines(gateway)
    some = [*together(lambda name: gateway.runs.of_pipeline(name, limit), names)]
    some += [] if pipeline else [gateway.runs.refused(limit)]
    found = {header.run: header for headers in some for header in headers}
    newest = sorted(found.values(), key=lambda header: (header.created, header.run), reverse=True)
    return _waiting(gateway, [_record(header) for header in newest[:limit]])


def list_dropped(gateway: Gateway, pipeline: str | None = None, limit: int = 20) -> list[tuple[str, Dropped]]:
    """Newest first, each with its pipeline. Without a pipeline: of all that have a document or a
    release."""
    names = [pipeline] if pipeline else _pipelines(gateway)
    each = together(lambda name: gateway.marks.dropped(name, limit), names)
    found = [(name, one) for name, some in zip(names, each, strict=True) for one in some]
    return sorted(found, key=lambda one: (one[1].time, one[1].key), reverse=True)[:limit]


def find_run(gateway: Gateway, trigger_key: str) -> str | None:
    """The run that an event has become; None as long as there is none. NotFoundError: it was dropped."""
    run = gateway.runs.claimed(trigger_key)
    if run == "":
        raise NotFoundError(f"the event {trigger_key} was dropped", "stagewright runs --dropped says why")
    return run


def is_planned_or_waits(gateway: Gateway, run: str) -> bool:
    """False while its turn has come, and it is being planned."""
    header = gateway.runs.header(run)
    if header is None or header.status != "QUEUED":
        return header is not None
    lease = gateway.leases.of(header.pipeline)
    return lease is not None and lease.holder != run


def show(gateway: Gateway, run: str) -> RunRecord:
    """The run with its stages as they stand now. NotFoundError where there is none."""
    header = gateway.runs.header(run)
    if header is None:
        raise NotFoundError(f"no run {run}", "list them: stagewright runs")
    planned = recorded_stages(gateway, header)
    items = gateway.runs.stages(run) if planned else {}
    tried = list(gateway.runs.attempts(run)) if any(plan.attempts > 1 for plan in planned) else []
    known = {**{stage.name: stage for stage in shut_out(planned, items)}, **items}
    stages = tuple(
        _stage(header, plan, known.get(plan.name), [each for each in tried if each.stage == plan.name])
        for plan in planned
    )
    if header.status == "RUNNING":
        stages = _at_work(gateway, header, stages)
        header, stages = _perhaps_over(gateway, header, stages)
    over = not header.is_open and header.status != "SUCCEEDED"
    later = resumption.resumed_by(gateway, run) if over else ()
    (record,) = _waiting(gateway, [_record(header)])
    return replace(record, stages=_not_run(stages), resumed_by=later)


def with_lineage(gateway: Gateway, record: RunRecord) -> RunRecord:
    """`record`, with what the record of its release says, each where it applies: `commit`, `by` and `pushed`
    (who pushed it, and when), and `promoted`, as `run.promotion` has it."""
    said = release.recorded(gateway, record.pipeline, record.release)
    names = ("commit", "by", "pushed", "promoted")
    return replace(record, lineage={name: said[name] for name in names if said.get(name)})


def _not_run(stages: tuple[StageRecord, ...]) -> tuple[StageRecord, ...]:
    """`stages`, those that the run's failure has left out with that as their cause."""
    failed = [stage.name for stage in stages if stage.status == "FAILED"]
    more = f" and {len(failed) - NAMED} more" if len(failed) > NAMED else ""
    cause = f"not run: {', '.join(failed[:NAMED])}{more} failed" if failed else "not run"
    return tuple(
        replace(stage, cause=cause) if stage.status == "NOT_RUN" and not stage.cause else stage
        for stage in stages
    )


def _pipelines(gateway: Gateway) -> list[str]:
    listed = gateway.objects.list(manifests.FOLDER)
    released = {name for found in listed if (name := manifests.pipeline_of(found.key))}
    return sorted(released.union(gateway.documents.pipelines()))


def _waiting(gateway: Gateway, records: Sequence[RunRecord]) -> list[RunRecord]:
    """`records`, with what those that wait are waiting for."""
    pipelines = sorted({record.pipeline for record in records if record.status == "QUEUED"})
    leases = dict(zip(pipelines, together(gateway.leases.of, pipelines), strict=True))
    return [_in_line(record, leases.get(record.pipeline)) for record in records]


def _in_line(record: RunRecord, lease: Lease | None) -> RunRecord:
    if record.status != "QUEUED":
        return record
    if lease is None or lease.holder == record.run:
        return replace(record, reason="is about to be planned")
    return replace(record, reason=f"waits for {lease.holder}", waits_for=lease.holder)


def _record(header: Header) -> RunRecord:
    return RunRecord(
        run=header.run,
        pipeline=header.pipeline,
        partition=header.partition,
        status=header.status,
        trigger=header.trigger,
        release=header.release,
        revision=header.revision,
        created=header.created,
        started=header.started,
        ended=header.ended,
        seconds=_between(header.started, header.ended),
        reason=header.reason,
        execution=header.execution,
        plan=header.plan,
    )


def _stage(
    header: Header, plan: PlannedStage, item: StageItem | None, earlier: Sequence[AttemptItem]
) -> StageRecord:
    """The stage as planned, and as recorded where it is; the state machine records each stage that ran."""
    standing = {"reuse": "REUSED", "skip": "SKIPPED"}.get(plan.action)
    record = StageRecord(
        status=standing or ("PLANNED" if header.is_open else "NOT_RUN"),
        job=plan.job_of(len(earlier) + 1) if plan.kind in JOBS else str(plan.result.get("job", "")),
        metrics=plan.result.get("metrics") or {},
        earlier=tuple(earlier),
        **{name: getattr(plan, name) for name in PLANNED_FIELDS},
    )
    if item is None:
        return record
    seconds = item.result.get("seconds")
    return replace(
        record,
        status=item.status,
        started=item.started,
        ended=item.ended,
        seconds=float(seconds)
        if seconds is not None
        else _age(item.started)
        if item.status == WAITING
        else _between(item.started, item.ended),
        metrics=item.result.get("metrics") or {},
        result=item.result,
        attempt=item.attempt,
        error=item.error,
        cause=item.cause,
        unseen=_unseen(item),
        detail=_asked(header, item) if item.status == WAITING else "",
    )


def _asked(header: Header, item: StageItem) -> str:
    what = f": {item.message}" if item.message else ""
    return f"waits for approval{what} (stagewright approve {header.run} --why TEXT)"


def _unseen(item: StageItem) -> tuple[str, ...]:
    seen = item.result.get("metrics") or {}
    asked = [match[1] for path in item.inputs if (match := METRIC.fullmatch(path))]
    return tuple(name for name in sorted(asked) if item.status == "SUCCEEDED" and name not in seen)


def _at_work(gateway: Gateway, header: Header, stages: Sequence[StageRecord]) -> tuple[StageRecord, ...]:
    """`stages` with those that run now as they stand; only they are asked about."""
    since = dict(_next_up(header, stages))
    now = together(
        lambda stage: _live(gateway, stage, since[stage.name]), [s for s in stages if s.name in since]
    )
    live = {stage.name: stage for stage in now}
    return tuple(live.get(stage.name, stage) for stage in stages)


def _perhaps_over(
    gateway: Gateway, header: Header, stages: tuple[StageRecord, ...]
) -> tuple[Header, tuple[StageRecord, ...]]:
    """Where no job is at work the execution may have ended without anybody recording it: it is asked."""
    if any(stage.status == "RUNNING" and stage.kind in JOBS for stage in stages):
        return header, stages
    try:
        execution = gateway.executions.describe(header.execution)
    except NotFoundError:
        return header, stages
    over = ended(header, execution)
    if over.is_open or datetime.now(UTC).timestamp() < (execution.ended or 0) + GRACE:
        return header, stages
    left = unrecorded(execution)
    return over, tuple(replace(s, status=left) if s.status in UNDONE else s for s in stages)


def _next_up(header: Header, stages: Sequence[StageRecord]) -> Iterator[tuple[str, str]]:
    """The first unrecorded stage of each chain of the wave under way, and when it could begin."""
    running = [stage for stage in stages if stage.action == "run"]
    open_waves = [stage.wave for stage in running if stage.status in UNDONE and not _failed(stage, running)]
    if not open_waves:
        return
    wave = min(open_waves)
    begun = max([header.started, *(stage.ended for stage in running if stage.wave < wave)])
    for chain in sorted({stage.chain for stage in running if stage.wave == wave}):
        links = sorted((s for s in running if (s.wave, s.chain) == (wave, chain)), key=lambda s: s.position)
        since = begun
        for stage in links:
            if stage.status == "PLANNED":
                yield stage.name, since
                break
            if stage.status != "SUCCEEDED":
                break
            since = stage.ended


def _failed(stage: StageRecord, others: Sequence[StageRecord]) -> bool:
    """Whether a stage before it in its chain failed, or closed it, so that it will not run."""
    return any(
        other.status in ("FAILED", "CLOSED") and (other.wave, other.chain) == (stage.wave, stage.chain)
        for other in others
    )


def _live(gateway: Gateway, stage: StageRecord, since: str) -> StageRecord:
    if stage.kind == "glue":
        return _glue_run(gateway, stage)
    if stage.kind not in JOB_KINDS:
        return replace(stage, status="RUNNING", started=since, seconds=_age(since))
    job = gateway.jobs.describe(JOB_KINDS[stage.kind], stage.job)
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


def _between(started: str, ended: str) -> float | None:
    if not started or not ended:
        return None
    return (datetime.fromisoformat(ended) - datetime.fromisoformat(started)).total_seconds()


def _age(since: str) -> float | None:
    return (datetime.now(UTC) - datetime.fromisoformat(since)).total_seconds() if since else None
