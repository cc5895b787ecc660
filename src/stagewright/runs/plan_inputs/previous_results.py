"""The results of earlier runs that a plan may reuse.

A result counts if every artifact that it refers to exists. It also counts if somebody rolled its endpoint
back: the planner then keeps the rollback. The result of a gate or an approval no longer counts after a later
run in which the stage failed with the same inputs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from stagewright.document.pipeline import Pipeline
from stagewright.gateway import Gateway
from stagewright.parallel import run_parallel
from stagewright.planner.fingerprint import UNCACHED
from stagewright.planner.model import GoodResult
from stagewright.runs.plan_inputs.artifacts import ArtifactRef, artifact_refs, exists, referenced_outputs
from stagewright.runs.stored_plan import as_good, good_result, recorded_stages
from stagewright.store.run_items import StageItem

RESULTS = 5
"""The number of newest good results per stage that a plan can choose from."""

ResultArtifacts = tuple[GoodResult, tuple[ArtifactRef, ...]]
"""A result and the artifacts that it refers to."""


def previous_results(
    gateway: Gateway, pipeline: Pipeline, partition: str
) -> tuple[Mapping[str, Sequence[GoodResult]], Mapping[str, str]]:
    """Return `results` and `superseded` of `Recorded` for one partition."""
    recorded = _recorded(gateway, pipeline, partition)
    overruled = _overruled(gateway, pipeline, partition, recorded)
    artifacts = {artifact for results in recorded.values() for _, refs in results for artifact in refs}
    missing = _missing(gateway, artifacts)
    counting = {stage: tuple(_counting(results, missing)) for stage, results in recorded.items()}
    superseded = {
        stage: artifact.name
        for stage, results in recorded.items()
        if results and not counting[stage]
        for artifact in results[0][1]
        if artifact.type == "endpoint" and artifact in missing
    }
    reasons = run_parallel(partial(_serves, gateway), superseded.values())
    return counting, {**dict(zip(superseded, reasons, strict=True)), **overruled}


def continued_results(gateway: Gateway, pipeline: Pipeline, run: str) -> dict[str, GoodResult | None]:
    """Return `continued` of `Recorded`: the results of `run`, for the disabled stages of `pipeline`.

    A stage that was disabled in `run`, and had no result there, is left out.
    """
    header = gateway.runs.header(run)
    planned = {stage.name: stage.action for stage in recorded_stages(gateway, header)} if header else {}
    names = [
        name
        for name, stage in pipeline.stages.items()
        if not stage.enabled and planned.get(name) in ("run", "reuse")
    ]
    return dict(zip(names, run_parallel(partial(good_result, gateway, run), names), strict=True))


def _recorded(gateway: Gateway, pipeline: Pipeline, partition: str) -> dict[str, list[ResultArtifacts]]:
    """Return stage -> its good results, newest first."""
    referenced = referenced_outputs(pipeline)

    def results_of(stage: str) -> list[ResultArtifacts]:
        items = gateway.runs.good_results(pipeline.name, partition, stage, RESULTS)
        return [(good, tuple(artifact_refs(stage, good, referenced))) for good in map(as_good, items)]

    return dict(zip(pipeline.stages, run_parallel(results_of, pipeline.stages), strict=True))


def _overruled(
    gateway: Gateway, pipeline: Pipeline, partition: str, recorded: dict[str, list[ResultArtifacts]]
) -> dict[str, str]:
    """Remove the results of controls that a later run overruled. Returns control -> the run that did."""
    controls = [name for name, stage in pipeline.stages.items() if stage.is_control and recorded.get(name)]

    def unsuccessful(stage: str) -> tuple[StageItem, ...]:
        return gateway.runs.unsuccessful(pipeline.name, partition, stage, RESULTS)

    reasons: dict[str, str] = {}
    for name, items in zip(controls, run_parallel(unsuccessful, controls), strict=True):
        for good in recorded[name].copy():
            if item := next((item for item in items if _overrules(item, good[0])), None):
                recorded[name].remove(good)
                reasons[name] = f"run {item.run} did not pass it with the same inputs"
    return reasons


def _overrules(item: StageItem, good: GoodResult) -> bool:
    same = _without_run(item.inputs) == _without_run(good.inputs)
    return same and item.ended > good.ended


def _without_run(inputs: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in inputs.items() if name != UNCACHED}


def _missing(gateway: Gateway, artifacts: Iterable[ArtifactRef]) -> dict[ArtifactRef, str]:
    """Return each artifact that does not exist -> the sentence of its rollback; "" for all but endpoints."""
    needed = sorted(artifacts)
    existing = run_parallel(partial(exists, gateway), needed)
    missing = [artifact for artifact, is_there in zip(needed, existing, strict=True) if not is_there]
    endpoints = [artifact for artifact in missing if artifact.type == "endpoint"]
    rollbacks = run_parallel(partial(_rollback, gateway), endpoints)
    return dict.fromkeys(missing, "") | dict(zip(endpoints, rollbacks, strict=True))


def _rollback(gateway: Gateway, artifact: ArtifactRef) -> str:
    """Return the sentence of the rollback from this endpoint configuration, "" if there is none.

    A rollback counts if it is newer than the last deployment and the endpoint still serves its target.
    """
    name = artifact.name
    record = gateway.endpoint_records.get(name)
    rollbacks = [item for item in record.rollbacks if item.after == record.deployed_by] if record else []
    if artifact.config not in {rollback.origin for rollback in rollbacks}:
        return ""
    endpoint = gateway.endpoints.describe(name)
    serving = endpoint.config if endpoint and endpoint.status == "InService" else ""
    for rollback in rollbacks:
        if rollback.to == serving:
            why = f" ({rollback.why})" if rollback.why else ""
            return (
                f"endpoint {name} serves {serving} since {rollback.by} rolled it back at {rollback.at}{why}"
            )
    return ""


def _counting(results: Iterable[ResultArtifacts], missing: Mapping[ArtifactRef, str]) -> Iterator[GoodResult]:
    """Yield the results whose artifacts all exist, or were rolled back."""
    for result, artifacts in results:
        gone = [artifact for artifact in artifacts if artifact in missing]
        if all(missing[artifact] for artifact in gone):
            yield replace(result, rolled_back=missing[gone[0]]) if gone else result


def _serves(gateway: Gateway, name: str) -> str:
    """Return a sentence on what an endpoint serves now."""
    endpoint, record = gateway.endpoints.describe(name), gateway.endpoint_records.get(name)
    if endpoint is None:
        return f"endpoint {name} is gone"
    if endpoint.status != "InService":
        return f"endpoint {name} is {endpoint.status}"
    if record is None or endpoint.config not in record.configurations[:1]:
        return f"endpoint {name} serves {endpoint.config}, which is not of the last deployment"
    header = gateway.runs.header(record.deployed_by)
    partition = f" (partition {header.partition})" if header and header.partition else ""
    return f"endpoint {name} serves what run {record.deployed_by}{partition} deployed"
