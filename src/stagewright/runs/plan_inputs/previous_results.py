"""Results of earlier runs that count: what they point at is there, or somebody has gone back from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from stagewright.document.pipeline import Pipeline
from stagewright.gateway import Gateway
from stagewright.parallel import together
from stagewright.planner.model import GoodResult
from stagewright.runs.plan_inputs.artifacts import Thing, exists, outputs_read, things_of
from stagewright.runs.stored_plan import recorded_stages
from stagewright.store.runs import StageItem

RESULTS = 5
"""Good results per stage that a plan may choose from, the newest."""

Pointing = tuple[GoodResult, tuple[Thing, ...]]
"""A result, and what it points at."""


def results(
    gateway: Gateway, pipeline: Pipeline, partition: str
) -> tuple[Mapping[str, Sequence[GoodResult]], Mapping[str, str]]:
    """`results` and `displaced` as `Recorded` has them."""
    recorded = _recorded(gateway, pipeline, partition)
    gone = _gone(gateway, {thing for found in recorded.values() for _, things in found for thing in things})
    counts = {stage: tuple(_counting(found, gone)) for stage, found in recorded.items()}
    places = {
        stage: thing.place
        for stage, found in recorded.items()
        if found and not counts[stage]
        for thing in found[0][1]
        if thing.kind == "endpoint" and thing in gone
    }
    return counts, dict(zip(places, together(partial(_serves, gateway), places.values()), strict=True))


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


def _recorded(gateway: Gateway, pipeline: Pipeline, partition: str) -> dict[str, list[Pointing]]:
    """Stage -> its good results, the newest first."""

    def found(stage: str) -> list[Pointing]:
        items = gateway.runs.good_results(pipeline.name, partition, stage, RESULTS)
        return [(good, tuple(things_of(stage, good, read))) for good in map(_good, items)]

    read = outputs_read(pipeline)
    return dict(zip(pipeline.stages, together(found, pipeline.stages), strict=True))


def _gone(gateway: Gateway, things: Iterable[Thing]) -> dict[Thing, str]:
    """Those that are not there -> of an endpoint that was rolled back, how; else empty."""
    needed = sorted(things)
    there = together(partial(exists, gateway), needed)
    gone = [thing for thing, is_there in zip(needed, there, strict=True) if not is_there]
    away = [thing for thing in gone if thing.kind == "endpoint"]
    sentences = together(partial(_rolled_back, gateway), away)
    return dict.fromkeys(gone, "") | dict(zip(away, sentences, strict=True))


def _rolled_back(gateway: Gateway, thing: Thing) -> str:
    """Of an endpoint that does not serve what it did: `rollback.standing`."""
    from stagewright.runs.endpoints import rollback_record  # late, since a cold start pays for every import

    return rollback_record.standing(gateway, thing.place, thing.config)


def _counting(found: Iterable[Pointing], gone: Mapping[Thing, str]) -> Iterator[GoodResult]:
    for result, things in found:
        lacking = [thing for thing in things if thing in gone]
        if all(gone[thing] for thing in lacking):
            yield replace(result, rolled_back=gone[lacking[0]]) if lacking else result


def _serves(gateway: Gateway, name: str) -> str:
    """What an endpoint serves, and who deployed that."""
    endpoint, item = gateway.endpoints.describe(name), gateway.endpoint_records.get(name)
    if endpoint is None:
        return f"endpoint {name} is gone"
    if endpoint.status != "InService":
        return f"endpoint {name} is {endpoint.status}"
    if item is None or endpoint.config not in item.configurations[:1]:
        return f"endpoint {name} serves {endpoint.config}, which is not of the last deployment"
    header = gateway.runs.header(item.deployed_by)
    partition = f" (partition {header.partition})" if header and header.partition else ""
    return f"endpoint {name} serves what run {item.deployed_by}{partition} deployed"


def _good(item: StageItem) -> GoodResult:
    return GoodResult(item.run, item.ended, item.fingerprint, item.result, item.inputs, item.job)
