"""What planning may look at: good results that are still there, and the external inputs as they are now."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from stagewright.plan import planner
from stagewright.plan.model import GoodResult, Plan, Recorded, Trigger
from stagewright.plan.release import Release
from stagewright.plan.selection import selected
from stagewright.plan.values import document_values
from stagewright.run import approval
from stagewright.run.gateway import Gateway
from stagewright.run.gateway.objects import Listed
from stagewright.run.gateway.runs import StageItem
from stagewright.run.together import together
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

    kind: Literal["output", "model", "package", "endpoint"]
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
    pipeline = selected(pipeline, trigger.only)
    places = planner.external_inputs(pipeline, trigger, gateway.installation)
    external = zip(places, together(lambda place: _digest(gateway, place), places), strict=True)
    results = _results(gateway, pipeline, _partition(pipeline, trigger, gateway))
    if trigger.package:
        results = {**results, **approval.lent(gateway, pipeline, trigger)}
    recorded = Recorded(
        gateway.installation,
        release,
        revision,
        results=results,
        external={place: digest for place, digest in external if digest},
        approvals=approval.statuses(gateway, pipeline, results),
    )
    return planner.plan(pipeline, trigger, recorded, force=force)


def _partition(pipeline: Pipeline, trigger: Trigger, gateway: Gateway) -> str:
    return str(document_values(pipeline, trigger, gateway.installation, run="")["partition",])


def _results(gateway: Gateway, pipeline: Pipeline, partition: str) -> Mapping[str, Sequence[GoodResult]]:
    def found(stage: str) -> Sequence[StageItem]:
        return gateway.runs.good_results(pipeline.name, partition, stage, RESULTS)

    stages = list(pipeline.stages)
    results = dict(zip(stages, together(found, stages), strict=True))
    read = _outputs_read(pipeline)
    needed = sorted({thing for items in results.values() for item in items for thing in _things(item, read)})
    there = dict(zip(needed, together(lambda thing: _exists(gateway, thing), needed), strict=True))
    return {
        stage: tuple(_good(item) for item in items if all(there[thing] for thing in _things(item, read)))
        for stage, items in results.items()
    }


def _outputs_read(pipeline: Pipeline) -> frozenset[tuple[str, str]]:
    """(stage, output) of every output that the document refers to."""
    paths = (reference.path for use in uses(pipeline) for reference in find(use.text))
    return frozenset((path[1], path[3]) for path in paths if path[0] == "stages" and path[2] == "outputs")


def _things(item: StageItem, read: Collection[tuple[str, str]]) -> Iterator[Thing]:
    """What must be there for a result to count. An output that no stage reads may have been left empty."""
    result = item.result
    for name, uri in (result.get("outputs") or {}).items():
        if (item.name, name) in read:
            yield Thing("output", str(uri))
    if result.get("model"):
        yield Thing("model", str(result["model"]))
    if result.get("package"):
        yield Thing("package", str(result["package"]))
    if result.get("endpoint"):
        yield Thing("endpoint", str(result["endpoint"]), item.job)


def _exists(gateway: Gateway, thing: Thing) -> bool:
    match thing.kind:
        case "package":
            package = gateway.registry.package(thing.place)
            return package is not None and package.status == "Completed"
        case "endpoint":
            endpoint = gateway.endpoints.describe(thing.place)
            return endpoint is not None and (endpoint.status, endpoint.config) == ("InService", thing.config)
        case "model":
            _, key = _place(thing.place)
            return any(each.key == key for each in _objects(gateway, thing.place, 1))
        case _:
            return any(True for _ in _objects(gateway, thing.place.rstrip("/") + "/", MARKERS + 1))


def _good(item: StageItem) -> GoodResult:
    return GoodResult(item.run, item.ended, item.fingerprint, item.result, item.inputs)


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
