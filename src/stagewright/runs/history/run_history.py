"""The history of runs: the plan, the recorded stages and the live status of each run in one record."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import partial

from stagewright.errors import NotFoundError
from stagewright.gateway import Gateway
from stagewright.parallel import run_parallel
from stagewright.planner.approvals import PENDING
from stagewright.planner.cost import amount
from stagewright.runs import resume, usage, versions
from stagewright.runs.history.live_status import with_live_status, with_unrecorded_end
from stagewright.runs.history.records import RunRecord, StageRecord, age, between
from stagewright.runs.history.remedies import Failure, remedy
from stagewright.runs.releases import manifest as manifests
from stagewright.runs.releases import publish
from stagewright.runs.stored_plan import PlannedStage, recorded_stages, skipped_stages
from stagewright.runs.usage import RunCost, StageUsage, Usage
from stagewright.runs.versions import AwaitedVersion
from stagewright.stages.registry import recorded_kind
from stagewright.store.run_items import WAITING, AttemptItem, Header, StageItem
from stagewright.store.run_queue import Lease
from stagewright.store.trigger_state import SkippedEvent

PLANNED_FIELDS = (
    "name",
    "kind",
    "action",
    "reason",
    "wave",
    "chain",
    "position",
    "part",
    "fingerprint",
    "result",
    "reused_from",
    "attempts",
    "definition",
)
"""Fields of a record that are copied from the plan."""
METRIC = re.compile(r"request\.Create(?:\w|\.)+\.AlgorithmSpecification\.MetricDefinitions\.(.+)\.Regex")
"""The path of an input that is the regular expression of a metric."""
DEPLOYED_IN = 20
"""Newest runs of a pipeline that are searched for its endpoints."""
NAMED = 3
"""The most failed stages that the cause of a NOT_RUN stage names."""


def list_runs(
    gateway: Gateway, pipeline: str | None = None, limit: int = 20, since: str = ""
) -> list[RunRecord]:
    """Return the newest runs, newest first, without stages.

    `since`: only runs that were created at this time (ISO 8601 UTC) or later.
    Without `pipeline`, return runs of every pipeline that has a document or a release, and rejected runs of
    any other.
    """
    names = [pipeline] if pipeline else _pipelines(gateway)
    pages = run_parallel(lambda name: gateway.runs.of_pipeline(name, limit), names)
    pages += [] if pipeline else [gateway.runs.rejected(limit)]
    headers = {header.run: header for page in pages for header in page if header.created >= since}
    newest = sorted(headers.values(), key=lambda header: (header.created, header.run), reverse=True)
    awaiting = {header.run for header in gateway.runs.awaiting(versions.LIMIT)}
    return _with_queue(gateway, run_parallel(partial(_waiting_record, gateway, awaiting), newest[:limit]))


def _waiting_record(gateway: Gateway, awaiting: Collection[str], header: Header) -> RunRecord:
    """Return the record of a run with the approvals that it waits for. `awaiting`: ended runs that wait."""
    record = _record(header)
    if header.status == "RUNNING":
        return replace(record, reason=_open_questions(gateway, header))
    if header.run not in awaiting:
        return record
    return replace(record, reason=record.reason or _waits(gateway, _awaited(gateway, header)))


def _open_questions(gateway: Gateway, header: Header) -> str:
    """The approval stages of an active run that wait for a decision. Empty: none."""
    asked = gateway.approvals.of_run(header.run)
    waiting = (each for each in asked if each.status == WAITING and not each.decision)
    return "; ".join(f"{each.stage} {_question(header, each.message)}" for each in waiting)


def _awaited(gateway: Gateway, header: Header) -> list[AwaitedVersion]:
    """The versions that an ended run registered for approval or waits for."""
    return versions.of_run(gateway, header) if header.versions and not header.is_open else []


def _waits(gateway: Gateway, awaited: Iterable[AwaitedVersion]) -> str:
    """The approvals that an ended run waits for. Empty: none."""
    pending = (version for version in awaited if version.package.approval == PENDING)
    return "; ".join(versions.reason(gateway, version) for version in pending)


def list_skipped_events(
    gateway: Gateway, pipeline: str | None = None, limit: int = 20
) -> list[tuple[str, SkippedEvent]]:
    """Return the newest skipped events, newest first, each with its pipeline.

    Without `pipeline`, return those of every pipeline that has a document or a release.
    """
    names = [pipeline] if pipeline else _pipelines(gateway)
    pages = run_parallel(lambda name: gateway.trigger_state.skipped_events(name, limit), names)
    events = [(name, event) for name, page in zip(names, pages, strict=True) for event in page]
    return sorted(events, key=lambda entry: (entry[1].time, entry[1].key), reverse=True)[:limit]


def find_run(gateway: Gateway, trigger_key: str) -> str | None:
    """Return the run that an event started, None before it has. Raises NotFoundError if it was skipped."""
    run = gateway.runs.claimed(trigger_key)
    if run == "":
        raise NotFoundError(f"the event {trigger_key} started no run", "stagewright runs --dropped lists why")
    return run


def is_planned_or_queued(gateway: Gateway, run: str) -> bool:
    """Return False while the run holds the lease and is being planned, and if there is no such run."""
    header = gateway.runs.header(run)
    if header is None or header.status != "QUEUED":
        return header is not None
    lease = gateway.run_queue.lease(header.pipeline)
    return lease is not None and lease.holder != run


def show(gateway: Gateway, run: str) -> RunRecord:
    """Return a run with the current status of its stages. Raises NotFoundError if there is no such run."""
    return _show(gateway, run, is_live=True)


def recorded(gateway: Gateway, run: str) -> RunRecord:
    """Return a run as it is recorded, without asking the services about its active jobs.

    Raises NotFoundError if there is no such run.
    """
    return _show(gateway, run, is_live=False)


def with_stages(gateway: Gateway, records: Iterable[RunRecord]) -> list[RunRecord]:
    """Return the runs with their stages, as they are recorded."""
    return run_parallel(lambda record: recorded(gateway, record.run), records)


def _show(gateway: Gateway, run: str, *, is_live: bool) -> RunRecord:
    header = gateway.runs.header(run)
    if header is None:
        raise NotFoundError(f"no run {run}", "list them: stagewright runs")
    planned = recorded_stages(gateway, header)
    items = gateway.runs.stages(run) if planned else {}
    attempts = list(gateway.runs.attempts(run)) if any(plan.attempts > 1 for plan in planned) else []
    known = {**{stage.name: stage for stage in skipped_stages(planned, items)}, **items}
    awaited = _awaited(gateway, header)
    reasons = {version.register: versions.reason(gateway, version) for version in awaited}
    stages = tuple(
        _stage(header, plan, known.get(plan.name), [item for item in attempts if item.stage == plan.name])
        for plan in (_with_reason(plan, reasons) for plan in planned)
    )
    if header.status == "RUNNING" and is_live:
        stages = with_live_status(gateway, header, stages)
        header, stages = with_unrecorded_end(gateway, header, stages)
    failed = not header.is_open and header.status != "SUCCEEDED"
    later = resume.resumed_by(gateway, run) if failed else ()
    (record,) = _with_queue(gateway, [_record(header)])
    reason = record.reason or _waits(gateway, awaited)
    record = replace(record, reason=reason, stages=_not_run(stages), resumed_by=later)
    return with_usage(record, usage.read(gateway, header))


def with_usage(record: RunRecord, counted: Usage | None) -> RunRecord:
    """Return the record with what the run used. A stage that started no job used nothing."""
    if counted is None:
        return record
    nothing = StageUsage({}, 0, str(amount(Decimal(0))) if counted.cost.currency else "")
    stages = tuple(replace(stage, used=counted.stages.get(stage.name, nothing)) for stage in record.stages)
    return replace(record, cost=counted.cost, stages=stages)


def _with_reason(plan: PlannedStage, reasons: Mapping[str, str]) -> PlannedStage:
    """Replace why a stage waits by the state of now. `reasons`: by register stage.

    A stage that waits through another one keeps the reason that names it.
    """
    if plan.awaits in reasons and not plan.reason.startswith("waits for approval"):
        return plan
    return replace(plan, reason=reasons.get(plan.awaits, plan.reason))


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
    """Return the record with the origin of its release.

    `lineage` has those that apply of `commit`, `by` and `pushed` (who pushed it and when), and `promoted`
    (see `releases.promotion`).
    """
    release = publish.release_record(gateway, record.pipeline, record.release)
    names = ("commit", "by", "pushed", "promoted")
    return replace(record, lineage={name: release[name] for name in names if release.get(name)})


def _not_run(stages: tuple[StageRecord, ...]) -> tuple[StageRecord, ...]:
    """Return `stages`; those that did not run name the failed stages as their cause."""
    failed = [stage.name for stage in stages if stage.status == "FAILED"]
    more = f" and {len(failed) - NAMED} more" if len(failed) > NAMED else ""
    cause = f"not run: {', '.join(failed[:NAMED])}{more} failed" if failed else "not run"
    return tuple(
        replace(stage, cause=cause) if stage.status == "NOT_RUN" and not stage.cause else stage
        for stage in stages
    )


def _pipelines(gateway: Gateway) -> list[str]:
    listed = gateway.objects.list(manifests.FOLDER)
    released = {name for entry in listed if (name := manifests.pipeline_of(entry.key))}
    return sorted(released.union(gateway.documents.pipelines()))


def _with_queue(gateway: Gateway, records: Sequence[RunRecord]) -> list[RunRecord]:
    """Return `records`; queued runs name the run that they wait for."""
    pipelines = sorted({record.pipeline for record in records if record.status == "QUEUED"})
    leases = dict(zip(pipelines, run_parallel(gateway.run_queue.lease, pipelines), strict=True))
    return [_with_holder(record, leases.get(record.pipeline)) for record in records]


def _with_holder(record: RunRecord, lease: Lease | None) -> RunRecord:
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
        cost=RunCost.of(header),
    )


def _stage(
    header: Header, plan: PlannedStage, item: StageItem | None, failed_attempts: Sequence[AttemptItem]
) -> StageRecord:
    """Return the stage as planned, with what the state machine recorded if it ran."""
    unchanged = {"reuse": "REUSED", "skip": "SKIPPED"}.get(plan.action)
    record = StageRecord(
        status=unchanged or ("PLANNED" if header.is_open else "NOT_RUN"),
        job=plan.job_of(len(failed_attempts) + 1)
        if recorded_kind(plan.kind).has_job
        else str(plan.result.get("job", "")),
        metrics=plan.result.get("metrics") or {},
        failed_attempts=tuple(failed_attempts),
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
        remedy=_remedy(item, plan.kind),
        unmatched_metrics=_unmatched_metrics(item),
        detail=_question(header, item.message) if item.status == WAITING else "",
    )


def _remedy(item: StageItem, kind: str) -> str:
    if item.status != "FAILED":
        return ""
    return remedy(Failure(item.name, kind, item.inputs), item.cause, item.error)


def _seconds(item: StageItem) -> float | None:
    if (seconds := item.result.get("seconds")) is not None:
        return float(seconds)
    return age(item.started) if item.status == WAITING else between(item.started, item.ended)


def _question(header: Header, message: str) -> str:
    question = f": {message}" if message else ""
    return f"waits for approval{question} (stagewright approve {header.run} --why TEXT)"


def _unmatched_metrics(item: StageItem) -> tuple[str, ...]:
    seen = item.result.get("metrics") or {}
    defined = [match[1] for path in item.inputs if (match := METRIC.fullmatch(path))]
    return tuple(name for name in sorted(defined) if item.status == "SUCCEEDED" and name not in seen)
