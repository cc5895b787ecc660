"""All that planning may look at: earlier results, external inputs as they are now, champion, approvals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from stagewright.document import layers
from stagewright.document.layers import Effective
from stagewright.document.load import load
from stagewright.document.parameters import with_parameters
from stagewright.document.pipeline import Pipeline
from stagewright.document.reference_checks import PARTITION, PARTITION_FORM
from stagewright.document.schema_errors import shown
from stagewright.errors import DocumentError, NotFoundError, PlanError, Problem, ReleaseError
from stagewright.gateway import Gateway
from stagewright.parallel import together
from stagewright.planner import external_inputs, planner
from stagewright.planner.model import Champion, Pinned, Plan, Recorded, Trigger
from stagewright.planner.release import Release
from stagewright.planner.selection import select
from stagewright.planner.values import document_values
from stagewright.runs import settings
from stagewright.runs.documents import layers as layers_layers
from stagewright.runs.documents import revisions
from stagewright.runs.plan_inputs import model_packages, previous_results
from stagewright.runs.plan_inputs.artifacts import digest, exists, outputs_read, things_of
from stagewright.runs.releases import manifest as manifests
from stagewright.runs.releases.bundles import ensure_bundles
from stagewright.runs.releases.manifest import Manifest
from stagewright.runs.releases.publish import publish
from stagewright.runs.values import Asked
from stagewright.stages.gate.schema import Gate
from stagewright.stages.register.schema import Register
from stagewright.store.runs import Header
from stagewright.syntax.condition import references


@dataclass(frozen=True)
class Material:
    """What a plan is made of. Without a manifest there is no code. `revision`: of a document that is recorded
    already, and not as it is now."""

    document: Effective
    manifest: Manifest | None
    revision: int = 0


def _plan(gateway: Gateway, header: Header, asked: Asked, material: Material | None) -> Plan:
    material = material or gather(gateway, header.pipeline, asked.version)
    return planned(gateway, header.trigger, asked, material)


def gather(gateway: Gateway, pipeline: str, version: str, revision: int = 0) -> Material:
    """`version`, `revision`: as a request has them. Raises what is in `UNUSABLE`."""
    manifest = manifests.read(gateway, pipeline, version) if version or not revision else None
    if version and manifest is None:
        raise ReleaseError(f"version {version} of the manifest is gone", "push again")
    try:
        document = _recorded(gateway, pipeline, revision) if revision else _current(gateway, pipeline)
    except NotFoundError as error:  # it is one that is wrong: its run is refused, where people see it
        raise DocumentError((Problem("", error.message, error.remedy),)) from None
    return Material(document, manifest, revision)


def _current(gateway: Gateway, pipeline: str) -> Effective:
    return layers.effective(layers_layers.read(gateway, pipeline), settings.code_overrides)


def _recorded(gateway: Gateway, pipeline: str, revision: int) -> Effective:
    document = load(revisions.document(gateway, pipeline, revision))
    return Effective(document, layers.pushed_layers(document))


def planned(gateway: Gateway, trigger: Trigger, asked: Asked, material: Material) -> Plan:
    """The plan of a run as of now, with all that it needs in its place."""
    document, manifest = material.document, material.manifest
    pipeline = with_parameters(document.pipeline, dict(trigger.parameters))
    release = publish(gateway, manifest, trigger.by) if manifest else Release(pipeline.name, {})
    revision = material.revision or revisions.record(gateway, document, trigger.by if asked.version else "")
    plan = make_plan(gateway, pipeline, trigger, release, revision, force=asked.force)
    ensure_bundles(gateway, release, plan)
    return plan


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
    document, pipeline = pipeline, select(pipeline, trigger.selection).pipeline
    places = external_inputs.external_inputs(pipeline, trigger, gateway.installation)
    external = zip(places, together(partial(digest, gateway), places), strict=True)
    results, superseded = previous_results.results(gateway, pipeline, _partition(pipeline, trigger, gateway))
    if trigger.package:
        results = {**results, **model_packages.lent(gateway, pipeline, trigger)}
    recorded = Recorded(
        gateway.installation,
        release,
        revision,
        results=results,
        external={place: found for place, found in external if found},
        pinned=_pinned(gateway, pipeline),
        champion=_champion(gateway, pipeline),
        approvals=model_packages.statuses(gateway, pipeline, results),
        superseded=superseded,
    )
    return planner.plan(document, trigger, recorded, force=force)


def _pinned(gateway: Gateway, pipeline: Pipeline) -> Mapping[str, Pinned]:
    read = outputs_read(pipeline)

    def found(stage: str) -> Pinned:
        run = pipeline.stages[stage].pin or ""
        header = gateway.runs.header(run)
        if header is None:
            return Pinned(problem=f"there is no run {run}")
        if header.pipeline != pipeline.name:
            return Pinned(problem=f"run {run} is of pipeline {header.pipeline}")
        result = previous_results.good_result(gateway, run, stage)
        if result is None:
            return Pinned(problem=f"run {run} has no good result of {stage}")
        gone = [thing for thing in things_of(stage, result, read) if not exists(gateway, thing)]
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
    results = {stage: previous_results.good_result(gateway, run, stage) for stage in wanted} if run else {}
    return Champion(package.arn, run, {stage: found for stage, found in results.items() if found})


def _partition(pipeline: Pipeline, trigger: Trigger, gateway: Gateway) -> str:
    """PlanError where what the trigger brought makes none: results are found by it."""
    partition = str(document_values(pipeline, trigger, gateway.installation, run="")["partition",])
    if not PARTITION.fullmatch(partition):
        raise PlanError((Problem("partition", f"{shown(partition)} is no partition", PARTITION_FORM),))
    return partition
