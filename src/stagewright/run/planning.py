"""What planning may look at: good results that are still there, and the external inputs as they are now."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

from stagewright.plan import planner
from stagewright.plan.model import GoodResult, Plan, Recorded, Trigger
from stagewright.plan.release import Release
from stagewright.plan.values import document_values
from stagewright.run.gateway import Gateway
from stagewright.run.gateway.objects import Listed
from stagewright.run.gateway.runs import StageItem
from stagewright.run.together import together
from stagewright.spec.pipeline import Pipeline

RESULTS = 5
"""Good results per stage that a plan may choose from, the newest."""


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
    places = planner.external_inputs(pipeline, trigger, gateway.installation)
    external = zip(places, together(lambda place: _digest(gateway, place), places), strict=True)
    recorded = Recorded(
        gateway.installation,
        release,
        revision,
        results=_results(gateway, pipeline, _partition(pipeline, trigger, gateway)),
        external={place: digest for place, digest in external if digest},
    )
    return planner.plan(pipeline, trigger, recorded, force=force)


def _partition(pipeline: Pipeline, trigger: Trigger, gateway: Gateway) -> str:
    return str(document_values(pipeline, trigger, gateway.installation, run="")["partition",])


def _results(gateway: Gateway, pipeline: Pipeline, partition: str) -> Mapping[str, Sequence[GoodResult]]:
    def found(stage: str) -> Sequence[StageItem]:
        return gateway.runs.good_results(pipeline.name, partition, stage, RESULTS)

    stages = list(pipeline.stages)
    results = dict(zip(stages, together(found, stages), strict=True))
    needed = sorted({thing for item in chain(*results.values()) for thing in _things(item)})
    there = dict(zip(needed, together(lambda thing: _exists(gateway, *thing), needed), strict=True))
    return {
        stage: tuple(_good(item) for item in items if all(there[thing] for thing in _things(item)))
        for stage, items in results.items()
    }


def _things(item: StageItem) -> Iterable[tuple[str, str]]:
    """What a result points at, as (what it is, where it is)."""
    result = item.result
    for uri in (result.get("outputs") or {}).values():
        yield "uri", str(uri)
    for name, what in (("model", "uri"), ("package", "package"), ("endpoint", "endpoint")):
        if result.get(name):
            yield what, str(result[name])


def _exists(gateway: Gateway, what: str, where: str) -> bool:
    match what:
        case "package":
            package = gateway.registry.package(where)
            return package is not None and package.status == "Completed"
        case "endpoint":
            endpoint = gateway.endpoints.describe(where)
            return endpoint is not None and endpoint.status == "InService"
        case _:
            return next(iter(_objects(gateway, where, 1)), None) is not None


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
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    found = gateway.objects.list(prefix, bucket, limit)
    return (each for each in found if each.size or not each.key.endswith("/"))
