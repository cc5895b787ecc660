"""What planning may look at: good results that are still there, and the external inputs as they are now."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from stagewright.plan import planner
from stagewright.plan.model import Champion, GoodResult, Pinned, Plan, Recorded, Trigger
from stagewright.plan.release import Release
from stagewright.plan.selection import selected
from stagewright.plan.values import document_values
from stagewright.run import packages
from stagewright.run.gateway import Gateway
from stagewright.run.gateway.objects import Listed
from stagewright.run.gateway.runs import StageItem
from stagewright.run.planned import recorded_stages
from stagewright.run.together import together
from stagewright.spec.condition import references
from stagewright.spec.kinds import Gate, Register
from stagewright.spec.pipeline import Pipeline
from stagewright.spec.references import find
from stagewright.spec.uses import uses

RESULTS = 5
"""Good results per stage that a plan may choose from, the newest."""
MARKERS = 9
"""Folder markers that may come before an output's first object."""


@dataclass(frozen=True, order=True)
class Thing:
    """What a result points at. `config`: the configuration that an endpoint served with this result."""

    kind: Literal["output", "artefact", "model", "package", "endpoint"]
    place: str
    config: str = ""


def make_plan(
    gateway: Gateway,
    pipeline: Pipeline,
    trigger: Trigger,
    release: Release,
    revision: int,
    *,
    force: bool = False,
) -> Plan:
    """The plan of `pipeline` (the effective document) for one trigger. PlanError: see the planner."""
    document, pipeline = pipeline, selected(pipeline, trigger.selection).pipeline
    places = planner.external_inputs(pipeline, trigger, gateway.installation)
    external = zip(places, together(lambda place: _digest(gateway, place), places), strict=True)
    results, displaced = _results(gateway, pipeline, _partition(pipeline, trigger, gateway))
    if trigger.package:
        results = {**results, **packages.lent(gateway, pipeline, trigger)}
    recorded = Recorded(
        gateway.installation,
        release,
        revision,
        results=results,
        external={place: digest for place, digest in external if digest},
        pinned=_pinned(gateway, pipeline),
        champion=_champion(gateway, pipeline),
        approvals=packages.statuses(gateway, pipeline, results),
        displaced=displaced,
    )
    return planner.plan(document, trigger, recorded, force=force)


def good_result(gateway: Gateway, run: str, stage: str) -> GoodResult | None:
    """What stood for the stage in the run: made there, or in an earlier run and reused."""
    item = gateway.runs.stage(run, stage)
    if item:
        return _good(item) if item.status == "SUCCEEDED" else None
    header = gateway.runs.header(run)
    planned = recorded_stages(gateway, header) if header else ()
    source = next((each.reused_from for each in planned if each.name == stage), "")
    made = gateway.runs.stage(source, stage) if source else None
    return _good(made) if made else None


def _pinned(gateway: Gateway, pipeline: Pipeline) -> Mapping[str, Pinned]:
    read = _outputs_read(pipeline)

    def found(stage: str) -> Pinned:
        run = pipeline.stages[stage].pin or ""
        header = gateway.runs.header(run)
        if header is None:
            return Pinned(problem=f"there is no run {run}")
        if header.pipeline != pipeline.name:
            return Pinned(problem=f"run {run} is of pipeline {header.pipeline}")
        result = good_result(gateway, run, stage)
        if result is None:
            return Pinned(problem=f"run {run} has no good result of {stage}")
        gone = [thing for thing in _things(stage, result, read) if not _exists(gateway, thing)]
        if gone:
            return Pinned(problem=f"of its result of run {run}, {gone[0].place} is gone")
        return Pinned(result, header.partition)

    return {name: found(name) for name, stage in pipeline.stages.items() if stage.pin}


def _champion(gateway: Gateway, pipeline: Pipeline) -> Champion | None:
    """Where a gate asks for it."""
    gates = {
        name: stage for name, stage in pipeline.stages.items() if isinstance(stage, Gate) and stage.enabled
    }
    judged = {
        name: {each.path[1] for each in references(gate.require) if each.of_champion}
        for name, gate in gates.items()
    }
    if not any(judged.values()):
        return None
    (register,) = (stage for stage in pipeline.stages.values() if isinstance(stage, Register))
    package = gateway.registry.champion(register.group or pipeline.name)
    if package is None:
        return None
    wanted = sorted(
        {*(name for name in judged if judged[name]), *(stage for each in judged.values() for stage in each)}
    )
    run = package.metadata.get("stagewright:run", "")
    results = {stage: good_result(gateway, run, stage) for stage in wanted} if run else {}
    return Champion(package.arn, run, {stage: found for stage, found in results.items() if found})


def _partition(pipeline: Pipeline, trigger: Trigger, gateway: Gateway) -> str:
    return str(document_values(pipeline, trigger, gateway.installation, run="")["partition",])


def _results(
    gateway: Gateway, pipeline: Pipeline, partition: str
) -> tuple[Mapping[str, Sequence[GoodResult]], Mapping[str, str]]:
    """`results` and `displaced` as `Recorded` has them."""

    def found(stage: str) -> Sequence[StageItem]:
        return gateway.runs.good_results(pipeline.name, partition, stage, RESULTS)

    stages = list(pipeline.stages)
    results = dict(zip(stages, together(found, stages), strict=True))
    read = _outputs_read(pipeline)
    good = {stage: [_good(item) for item in items] for stage, items in results.items()}
    needed = sorted(
        {thing for stage, each in good.items() for one in each for thing in _things(stage, one, read)}
    )
    there = dict(zip(needed, together(lambda thing: _exists(gateway, thing), needed), strict=True))
    away = [thing for thing in needed if thing.kind == "endpoint" and not there[thing]]
    sentences = together(lambda thing: _rolled_back(gateway, thing), away)
    back = {thing: sentence for thing, sentence in zip(away, sentences, strict=True) if sentence}

    def counting(stage: str, each: GoodResult) -> Iterator[GoodResult]:
        gone = [thing for thing in _things(stage, each, read) if not there[thing]]
        if all(thing in back for thing in gone):
            yield replace(each, rolled_back=back[gone[0]]) if gone else each

    counts = {
        stage: tuple(one for each in found for one in counting(stage, each)) for stage, found in good.items()
    }
    places = {
        stage: thing.place
        for stage, found in good.items()
        for thing in away
        if found and not counts[stage] and thing in _things(stage, found[0], read)
    }
    sentences = together(lambda place: _serves(gateway, place), list(places.values()))
    return counts, dict(zip(places, sentences, strict=True))


def _serves(gateway: Gateway, name: str) -> str:
    """What an endpoint serves, and who deployed that."""
    endpoint, item = gateway.endpoints.describe(name), gateway.served.find(name)
    if endpoint is None:
        return f"endpoint {name} is gone"
    if endpoint.status != "InService":
        return f"endpoint {name} is {endpoint.status}"
    if item is None or endpoint.config not in item.configurations[:1]:
        return f"endpoint {name} serves {endpoint.config}, which is not of the last deployment"
    header = gateway.runs.header(item.made_by)
    partition = f" (partition {header.partition})" if header and header.partition else ""
    return f"endpoint {name} serves what run {item.made_by}{partition} deployed"


def _outputs_read(pipeline: Pipeline) -> frozenset[tuple[str, str]]:
    """(stage, output) of every output that the document refers to."""
    paths = (reference.path for use in uses(pipeline) for reference in find(use.text))
    return frozenset((path[1], path[3]) for path in paths if path[0] == "stages" and path[2] == "outputs")


def _things(stage: str, good: GoodResult, read: Collection[tuple[str, str]]) -> Iterator[Thing]:
    """What must be there for a result to count, apart from an endpoint that was rolled back. An output that
    no stage reads may have been left empty."""
    result = good.result
    for name, uri in (result.get("outputs") or {}).items():
        if (stage, name) in read:
            yield Thing("output", str(uri))
    if result.get("model"):
        yield Thing("artefact", str(result["model"]))
    if result.get("name"):
        yield Thing("model", str(result["name"]))
    if result.get("package"):
        yield Thing("package", str(result["package"]))
    if result.get("endpoint"):
        yield Thing("endpoint", str(result["endpoint"]), good.job)


def _rolled_back(gateway: Gateway, thing: Thing) -> str:
    """Of an endpoint that does not serve what it did: `rollback.standing`."""
    from stagewright.run import rollback  # late, since a cold start pays for every import

    return rollback.standing(gateway, thing.place, thing.config)


def _exists(gateway: Gateway, thing: Thing) -> bool:
    match thing.kind:
        case "package":
            package = gateway.registry.package(thing.place)
            return package is not None and package.status == "Completed"
        case "endpoint":
            endpoint = gateway.endpoints.describe(thing.place)
            return endpoint is not None and (endpoint.status, endpoint.config) == ("InService", thing.config)
        case "model":
            return gateway.endpoints.has_model(thing.place)
        case "artefact":
            _, key = _place(thing.place)
            return any(each.key == key for each in _objects(gateway, thing.place, 1))
        case _:
            return any(True for _ in _objects(gateway, thing.place.rstrip("/") + "/", MARKERS + 1))


def _good(item: StageItem) -> GoodResult:
    return GoodResult(item.run, item.ended, item.fingerprint, item.result, item.inputs, item.job)


def _digest(gateway: Gateway, uri: str) -> str:
    """Of keys and contents (ETags) found at the URI, a prefix as SageMaker's S3Prefix is; empty when none."""
    digest = hashlib.sha256()
    any_found = False
    for found in _objects(gateway, uri):
        any_found = True
        digest.update(f"{found.key}\n{found.etag}\n{found.size}\n".encode())
    return digest.hexdigest() if any_found else ""


def _objects(gateway: Gateway, uri: str, limit: int | None = None) -> Iterable[Listed]:
    """Objects at the URI, folder markers left out."""
    bucket, prefix = _place(uri)
    found = gateway.objects.list(prefix, bucket, limit)
    return (each for each in found if each.size or not each.key.endswith("/"))


def _place(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key
