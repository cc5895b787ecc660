"""Two runs of a pipeline side by side: what went into them that differs, and what came of it.

What is not kept any more, or never was (a run that was refused has no plan), is not compared, and `missing`
says so.
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
"""How many of a pipeline's newest runs are looked at for a good one."""
NO_CODE = Release("", {}).digest
"""Of a run without code, which has no release record."""
NO_STAGES = {"REFUSED": "was refused", "QUEUED": "is not planned yet"}


@dataclass(frozen=True)
class Metric:
    """`before` or `after` is None where that run has no such metric; then so is `difference`."""

    name: str
    before: float | None
    after: float | None
    difference: float | None


@dataclass(frozen=True)
class StageComparison:
    """One stage; `before` or `after` is None where that run has no such stage.

    `inputs`: what differs of that from which the results of the two were made, each path being one name as in
    `plan.fingerprint`; `why`: the same in words. `metrics`: all there are. `tuned`: what differs of the best
    values that a tuning stage found.
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
    """`facts`: as the function of that name has them. `settings`: of the documents, with the parameters that
    the triggers gave. `code`: of the releases; a path is one file, its values are SHA-256. `stages`: all of
    both runs. `missing`: sentences.
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
    """A run with what it was made of; None where that is not kept."""

    record: RunRecord
    settings: Mapping[str, Any] | None
    files: Mapping[str, str] | None


def compare(gateway: Gateway, pipeline: str, before: str, after: str) -> Comparison:
    """From one run to the other. NotFoundError: no such run. DocumentError: it is another pipeline's."""
    old, new = (_side(gateway, _of(gateway, pipeline, run)) for run in (before, after))
    stages = _stages(gateway, old.record, new.record)
    return Comparison(
        old.record,
        new.record,
        tuple(changes(facts(old.record), facts(new.record))),
        _told(old.settings, new.settings),
        _changes(old.files, new.files),
        stages,
        (*_gaps(old), *_gaps(new), *_unknown(stages)),
    )


def good_before(gateway: Gateway, pipeline: str, run: str) -> str:
    """The newest good run before `run`, of the same partition where that is known. NotFoundError: none."""
    record = _of(gateway, pipeline, run)
    for header in gateway.runs.of_pipeline(pipeline, RUNS):
        same = record.partition in ("", header.partition)
        if header.status == "SUCCEEDED" and same and header.created < record.created:
            return header.run
    where = f" in partition {record.partition}" if record.partition not in ("", "default") else ""
    raise NotFoundError(
        f"{pipeline} has no good run before {run}{where}", f"name the other run: stagewright runs {pipeline}"
    )


def facts(record: RunRecord) -> dict[str, Any]:
    """What tells a run from others beside its result; without what is empty."""
    trigger = record.trigger
    every = {
        "trigger": trigger.type,
        "by": trigger.by,
        "date": trigger_values(trigger)["trigger", "date"],
        "partition": record.partition,
        "revision": record.revision,
        "release": record.release,
        "commit": record.lineage.get("commit"),
        **trigger.selection.to_json(),
    }
    return {name: value for name, value in every.items() if value}


def _of(gateway: Gateway, pipeline: str, run: str) -> RunRecord:
    record = run_history.show(gateway, run)
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
    given: Mapping[str, Any] = merged(document, {"parameters": dict(record.trigger.parameters)})
    return given


def _files(gateway: Gateway, record: RunRecord) -> Mapping[str, str] | None:
    if record.release == NO_CODE:
        return {}
    known = publish.recorded(gateway, record.pipeline, record.release)
    return {path: file.sha256 for path, file in publish.files_of(known).items()} if known else None


def _gaps(side: _Side) -> Iterator[str]:
    record = side.record
    if not record.stages:
        why = NO_STAGES.get(record.status, "has no plan that is kept")
        yield f"{record.run} {why}: stages are not compared"
    if side.settings is None:
        yield f"{record.run} has no revision that is kept: settings are not compared"
    if side.files is None:
        yield f"{record.run} has no release that is kept: code files are not compared"


def _unknown(stages: Iterable[StageComparison]) -> Iterator[str]:
    for stage in stages:
        if _differ(stage.before, stage.after) and not stage.inputs:
            yield f"what {stage.name} was made from is not kept of both runs: its inputs are not compared"


def _told(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> tuple[Change, ...]:
    """With the defaults that hold where a document says nothing."""
    return () if old is None or new is None else tuple(differences(old, new))


def _changes(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> tuple[Change, ...]:
    return () if old is None or new is None else tuple(changes(old, new))


def _stages(gateway: Gateway, before: RunRecord, after: RunRecord) -> tuple[StageComparison, ...]:
    if not (before.stages and after.stages):
        return ()
    old, new = ({stage.name: stage for stage in record.stages} for record in (before, after))
    names = [name for name in old if name in new and _differ(old[name], new[name])]
    before_them, after_them = (_inputs(gateway, record, names) for record in (before, after))
    return tuple(
        _stage(name, old.get(name), new.get(name), before_them.get(name), after_them.get(name))
        for name in {**old, **new}
    )


def _differ(old: StageRecord | None, new: StageRecord | None) -> bool:
    """Whether the results of two stages, or those to come, are made from different inputs."""
    made = [stage.fingerprint if stage else "" for stage in (old, new)]
    return "" not in made and made[0] != made[1]


def _inputs(gateway: Gateway, record: RunRecord, names: Collection[str]) -> dict[str, Mapping[str, str]]:
    """What these stages' results were made from in that run; of a lent one, in its own run."""
    found: dict[str, Mapping[str, str]] = {}
    stages = [stage for stage in record.stages if stage.name in names]
    if any(stage.action == "run" for stage in stages):
        found |= planned_inputs(gateway, record.run, record.plan)
    lent = [stage for stage in stages if stage.reused_from]
    items = run_parallel(lambda stage: gateway.runs.stage(stage.reused_from, stage.name), lent)
    return found | {item.name: item.inputs for item in items if item}


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
    found = result.get("hyperparameters", {})
    return {name: found[name] for name in result.get("tuned", ()) if name in found}
