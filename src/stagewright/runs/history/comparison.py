"""Compare two runs of a pipeline: their inputs and their results.

Inputs that are not stored are not compared; `missing` lists them. A rejected run, for example, has no plan.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stagewright.document.effective_diff import differences
from stagewright.document.merge import Change, changes, merged
from stagewright.errors import DocumentError, NotFoundError, Problem
from stagewright.gateway import Gateway
from stagewright.parallel import run_parallel
from stagewright.planner import fingerprint
from stagewright.planner.release import Release
from stagewright.planner.values import trigger_values
from stagewright.runs.documents import revisions
from stagewright.runs.history import run_history
from stagewright.runs.history.records import RunRecord, StageRecord
from stagewright.runs.releases import publish
from stagewright.runs.stored_plan import planned_inputs

RUNS = 1000
"""Newest runs of a pipeline that are searched for a successful one."""
NO_CODE = Release("", {}).digest
"""The release of a run without code, which has no release record."""
NO_STAGES = {"REJECTED": "was rejected", "QUEUED": "is not planned yet"}


@dataclass(frozen=True)
class Metric:
    """One metric. `before` or `after` is None if that run lacks it; `difference` is then None, too."""

    name: str
    before: float | None
    after: float | None
    difference: float | None


@dataclass(frozen=True)
class StageComparison:
    """One stage. `before` or `after` is None if that run has no such stage.

    `inputs` are the inputs that differ, with the names of `planner.fingerprint`; `why` is the same in words.
    `metrics` are all metrics. `tuned` are the best hyperparameters that differ.
    """

    name: str
    before: StageRecord | None
    after: StageRecord | None
    inputs: tuple[Change, ...]
    why: tuple[str, ...]
    metrics: tuple[Metric, ...]
    tuned: tuple[Change, ...]


@dataclass(frozen=True)
class Comparison:
    """The differences between two runs.

    facts     trigger, date, release and the like; see `facts`
    settings  the documents, with the parameters of the triggers
    code      the files of the releases; the values are SHA-256
    stages    all stages of both runs
    missing   sentences on what was not compared
    """

    before: RunRecord
    after: RunRecord
    facts: tuple[Change, ...]
    settings: tuple[Change, ...]
    code: tuple[Change, ...]
    stages: tuple[StageComparison, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True)
class _Side:
    """A run with its document and files. None if they are not stored."""

    record: RunRecord
    settings: Mapping[str, Any] | None
    files: Mapping[str, str] | None


def compare(gateway: Gateway, pipeline: str, before: str, after: str) -> Comparison:
    """Compare two runs of a pipeline.

    Raises NotFoundError if there is no such run, DocumentError if it belongs to another pipeline.
    """
    old, new = (_side(gateway, _of(gateway, pipeline, run)) for run in (before, after))
    stages = _stages(gateway, old.record, new.record)
    return Comparison(
        old.record,
        new.record,
        tuple(changes(facts(old.record), facts(new.record))),
        _settings_changes(old.settings, new.settings),
        _changes(old.files, new.files),
        stages,
        (*_gaps(old), *_gaps(new), *_unknown(stages)),
    )


def good_before(gateway: Gateway, pipeline: str, run: str) -> str:
    """Return the newest successful run before `run`, in the same partition if `run` has one.

    Raises NotFoundError if there is none.
    """
    record = _of(gateway, pipeline, run)
    for header in gateway.runs.of_pipeline(pipeline, RUNS):
        same = record.partition in ("", header.partition)
        if header.status == "SUCCEEDED" and same and header.created < record.created:
            return header.run
    where = f" in partition {record.partition}" if record.partition not in ("", "default") else ""
    raise NotFoundError(
        f"{pipeline} has no successful run before {run}{where}",
        f"name the other run: stagewright runs {pipeline}",
    )


def facts(record: RunRecord) -> dict[str, Any]:
    """Return what identifies a run, apart from its result. Empty values are left out."""
    trigger = record.trigger
    values = {
        "trigger": trigger.type,
        "by": trigger.by,
        "date": trigger_values(trigger)["trigger", "date"],
        "partition": record.partition,
        "revision": record.revision,
        "release": record.release,
        "commit": record.lineage.get("commit"),
        **trigger.selection.to_json(),
        "bypassed_by": trigger.bypassed_by,
    }
    return {name: value for name, value in values.items() if value}


def _of(gateway: Gateway, pipeline: str, run: str) -> RunRecord:
    record = run_history.recorded(gateway, run)
    if record.pipeline != pipeline:
        problem = f"is a run of {record.pipeline}, not of {pipeline}"
        raise DocumentError((Problem(run, problem, "compare runs of one pipeline"),))
    return record


def _side(gateway: Gateway, record: RunRecord) -> _Side:
    return _Side(
        run_history.with_lineage(gateway, record), _settings(gateway, record), _files(gateway, record)
    )


def _settings(gateway: Gateway, record: RunRecord) -> Mapping[str, Any] | None:
    try:
        document = revisions.document(gateway, record.pipeline, record.revision)
    except NotFoundError:
        return None
    with_parameters: Mapping[str, Any] = merged(document, {"parameters": dict(record.trigger.parameters)})
    return with_parameters


def _files(gateway: Gateway, record: RunRecord) -> Mapping[str, str] | None:
    if record.release == NO_CODE:
        return {}
    known = publish.release_record(gateway, record.pipeline, record.release)
    return {path: file.sha256 for path, file in publish.files_of(known).items()} if known else None


def _gaps(side: _Side) -> Iterator[str]:
    record = side.record
    if not record.stages:
        why = NO_STAGES.get(record.status, "has no stored plan")
        yield f"{record.run} {why}: stages are not compared"
    if side.settings is None:
        yield f"{record.run} has no stored revision: settings are not compared"
    if side.files is None:
        yield f"{record.run} has no stored release: code files are not compared"


def _unknown(stages: Iterable[StageComparison]) -> Iterator[str]:
    for stage in stages:
        if _differ(stage.before, stage.after) and not stage.inputs:
            yield f"the inputs of {stage.name} are not stored for both runs: they are not compared"


def _settings_changes(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> tuple[Change, ...]:
    """Return the differences, with the defaults of fields that a document leaves out."""
    return () if old is None or new is None else tuple(differences(old, new))


def _changes(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> tuple[Change, ...]:
    return () if old is None or new is None else tuple(changes(old, new))


def _stages(gateway: Gateway, before: RunRecord, after: RunRecord) -> tuple[StageComparison, ...]:
    if not (before.stages and after.stages):
        return ()
    old, new = ({stage.name: stage for stage in record.stages} for record in (before, after))
    names = [name for name in old if name in new and _differ(old[name], new[name])]
    before_inputs, after_inputs = (_inputs(gateway, record, names) for record in (before, after))
    return tuple(
        _stage(name, old.get(name), new.get(name), before_inputs.get(name), after_inputs.get(name))
        for name in {**old, **new}
    )


def _differ(old: StageRecord | None, new: StageRecord | None) -> bool:
    """Return whether two stages have different inputs, so far as both are known."""
    before, after = (stage.fingerprint if stage else "" for stage in (old, new))
    return "" not in (before, after) and before != after


def _inputs(gateway: Gateway, record: RunRecord, names: Collection[str]) -> dict[str, Mapping[str, str]]:
    """Return stage -> inputs of its result. Those of a reused result come from the run that made it."""
    inputs: dict[str, Mapping[str, str]] = {}
    stages = [stage for stage in record.stages if stage.name in names]
    if any(stage.action == "run" for stage in stages):
        inputs |= planned_inputs(gateway, record.run, record.plan)
    reused = [stage for stage in stages if stage.reused_from]
    items = run_parallel(lambda stage: gateway.runs.stage(stage.reused_from, stage.name), reused)
    return inputs | {item.name: item.inputs for item in items if item}


def _stage(
    name: str,
    before: StageRecord | None,
    after: StageRecord | None,
    old: Mapping[str, str] | None,
    new: Mapping[str, str] | None,
) -> StageComparison:
    return StageComparison(
        name,
        before,
        after,
        _changes(old, new),
        fingerprint.differences(old, new, ()) if old and new else (),
        tuple(_metrics(before.metrics if before else {}, after.metrics if after else {})),
        tuple(changes(_tuned(before), _tuned(after))),
    )


def _metrics(before: Mapping[str, float], after: Mapping[str, float]) -> Iterator[Metric]:
    for name in {**before, **after}:
        old, new = before.get(name), after.get(name)
        yield Metric(name, old, new, None if old is None or new is None else new - old)


def _tuned(stage: StageRecord | None) -> Mapping[str, Any]:
    result = stage.result if stage else {}
    best = result.get("hyperparameters", {})
    return {name: best[name] for name in result.get("tuned", ()) if name in best}
