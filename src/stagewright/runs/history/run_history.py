"""What ran, what runs, and what came of it: plan, recorded stages and the jobs at work, as one record."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from stagewright.errors import NotFoundError
from stagewright.gateway import Gateway
from stagewright.parallel import run_parallel
from stagewright.runs import resume
from stagewright.runs.history.live_status import at_work, perhaps_over
from stagewright.runs.history.records import RunRecord, StageRecord, age, between
from stagewright.runs.releases import manifest as manifests
from stagewright.runs.releases import publish
from stagewright.runs.stored_plan import PlannedStage, recorded_stages, skipped_stages
from stagewright.stages.registry import KINDS
from stagewright.store.run_queue import Lease
from stagewright.store.runs import WAITING, AttemptItem, Header, StageItem
from stagewright.store.trigger_state import SkippedEvent

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
DEPLOYED_IN = 20
"""Newest runs of a pipeline that are searched for its endpoints."""
NAMED = 3
"""Stages that failed, named by those that did not run."""


def list_runs(gateway: Gateway, pipeline: str | None = None, limit: int = 20) -> list[RunRecord]:
    """Newest first, without their stages. Without a pipeline: of all that have a document or a release, and
    what was refused of any other."""
    names = [pipeline] if pipeline else _pipelines(gateway)
    some = [*run_parallel(lambda name: gateway.runs.of_pipeline(name, limit), names)]
    some += [] if pipeline else [gateway.runs.refused(limit)]
    found = {header.run: header for headers in some for header in headers}
    newest = sorted(found.values(), key=lambda header: (header.created, header.run), reverse=True)
    return _waiting(gateway, [_record(header) for header in newest[:limit]])


def list_dropped(
    gateway: Gateway, pipeline: str | None = None, limit: int = 20
) -> list[tuple[str, SkippedEvent]]:
    """Newest first, each with its pipeline. Without a pipeline: of all that have a document or a
    release."""
    names = [pipeline] if pipeline else _pipelines(gateway)
    each = run_parallel(lambda name: gateway.trigger_state.skipped_events(name, limit), names)
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
    lease = gateway.run_queue.lease(header.pipeline)
    return lease is not None and lease.holder != run


def show(gateway: Gateway, run: str) -> RunRecord:
    """The run with its stages as they stand now. NotFoundError where there is none."""
    header = gateway.runs.header(run)
    if header is None:
        raise NotFoundError(f"no run {run}", "list them: stagewright runs")
    planned = recorded_stages(gateway, header)
    items = gateway.runs.stages(run) if planned else {}
    tried = list(gateway.runs.attempts(run)) if any(plan.attempts > 1 for plan in planned) else []
    known = {**{stage.name: stage for stage in skipped_stages(planned, items)}, **items}
    stages = tuple(
        _stage(header, plan, known.get(plan.name), [each for each in tried if each.stage == plan.name])
        for plan in planned
    )
    if header.status == "RUNNING":
        stages = at_work(gateway, header, stages)
        header, stages = perhaps_over(gateway, header, stages)
    over = not header.is_open and header.status != "SUCCEEDED"
    later = resume.resumed_by(gateway, run) if over else ()
    (record,) = _waiting(gateway, [_record(header)])
    return replace(record, stages=_not_run(stages), resumed_by=later)


def deployed_endpoints(
    gateway: Gateway, pipeline: str, stage: str | None = None
) -> dict[str, tuple[str, str]]:
    """Return endpoint -> (run, stage) that deployed it, of the newest run that has endpoints.

    `stage` selects the endpoints of one stage. The newest 20 runs are searched.
    """
    for record in list_runs(gateway, pipeline, DEPLOYED_IN):
        endpoints = {
            str(item.result["endpoint"]): (item.reused_from or record.run, item.name)
            for item in show(gateway, record.run).stages
            if item.result.get("endpoint") and stage in (None, item.name)
        }
        if endpoints:
            return endpoints
    return {}


def with_lineage(gateway: Gateway, record: RunRecord) -> RunRecord:
    """`record`, with what the record of its release says, each where it applies: `commit`, `by` and `pushed`
    (who pushed it, and when), and `promoted`, as `run.promotion` has it."""
    said = publish.recorded(gateway, record.pipeline, record.release)
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
    leases = dict(zip(pipelines, run_parallel(gateway.run_queue.lease, pipelines), strict=True))
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
        seconds=between(header.started, header.ended),
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
        job=plan.job_of(len(earlier) + 1) if KINDS[plan.kind].has_job else str(plan.result.get("job", "")),
        metrics=plan.result.get("metrics") or {},
        earlier=tuple(earlier),
        **{name: getattr(plan, name) for name in PLANNED_FIELDS},
    )
    if item is None:
        return record
    return replace(
        record,
        status=item.status,
        started=item.started,
        ended=item.ended,
        seconds=_seconds(item),
        metrics=item.result.get("metrics") or {},
        result=item.result,
        attempt=item.attempt,
        error=item.error,
        cause=item.cause,
        unseen=_unseen(item),
        detail=_asked(header, item) if item.status == WAITING else "",
    )


def _seconds(item: StageItem) -> float | None:
    if (said := item.result.get("seconds")) is not None:
        return float(said)
    return age(item.started) if item.status == WAITING else between(item.started, item.ended)


def _asked(header: Header, item: StageItem) -> str:
    what = f": {item.message}" if item.message else ""
    return f"waits for approval{what} (stagewright approve {header.run} --why TEXT)"


def _unseen(item: StageItem) -> tuple[str, ...]:
    seen = item.result.get("metrics") or {}
    asked = [match[1] for path in item.inputs if (match := METRIC.fullmatch(path))]
    return tuple(name for name in sorted(asked) if item.status == "SUCCEEDED" and name not in seen)
