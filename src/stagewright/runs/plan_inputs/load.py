"""Load what a run is planned from, and plan it.

`load_inputs` reads the document and the manifest. `plan_run` publishes the release, records the revision,
collects the recorded state (previous results, digests of external inputs, champion, approvals), calls the
planner, and stores the code bundles. Every write is idempotent.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from stagewright.catalog.prices import Prices
from stagewright.document import layers
from stagewright.document.controls import gate_parameters
from stagewright.document.expansion import expanded
from stagewright.document.layers import Effective, Layers
from stagewright.document.parameters import with_parameters
from stagewright.document.pipeline import Pipeline
from stagewright.document.reference_checks import PARTITION, PARTITION_FORM
from stagewright.document.schema_errors import shown
from stagewright.errors import DocumentError, NotFoundError, PlanError, Problem, ReleaseError
from stagewright.gateway import Gateway
from stagewright.parallel import run_parallel
from stagewright.planner import planner
from stagewright.planner.external_inputs import external_inputs
from stagewright.planner.model import Champion, Pinned, Plan, Recorded, Trigger
from stagewright.planner.release import Release
from stagewright.planner.selection import select
from stagewright.planner.values import document_values, trigger_parameters
from stagewright.runs import four_eyes
from stagewright.runs import prices as price_store
from stagewright.runs.documents import revisions
from stagewright.runs.plan_inputs.artifacts import artifact_refs, exists, input_digest, referenced_outputs
from stagewright.runs.plan_inputs.gathered import copy_gathered
from stagewright.runs.plan_inputs.model_packages import approval_statuses, approved_package
from stagewright.runs.plan_inputs.previous_results import continued_results, previous_results
from stagewright.runs.releases import manifest as manifests
from stagewright.runs.releases import released_layers
from stagewright.runs.releases.bundles import ensure_bundles
from stagewright.runs.releases.manifest import Manifest
from stagewright.runs.releases.publish import publish
from stagewright.runs.settings import Runtime
from stagewright.runs.stored_plan import good_result
from stagewright.runs.values import RunOptions
from stagewright.stages.base.job_settings import NO_SETTINGS, JobSettings
from stagewright.store.run_items import Header
from stagewright.syntax.condition import references


@dataclass(frozen=True)
class RunInputs:
    """What a plan is made from.

    `revision` is the number of a recorded document, or 0 for the current document. `four_eyes`: the
    person who pushed or started the run may not approve what it asks. `jobs`: the installation's settings of
    jobs.
    """

    document: Effective
    manifest: Manifest
    revision: int = 0
    four_eyes: bool = False
    jobs: JobSettings = NO_SETTINGS


def load_inputs(runtime: Runtime, pipeline: str, version: str, revision: int = 0) -> RunInputs:
    """Read the document and the manifest of a run.

    `version` is the manifest's version id, empty for the current one. `revision` is the number of a recorded
    document, 0 for the current one. Raises DocumentError or ReleaseError, also if one of them is missing.
    """
    gateway = runtime.gateway
    try:
        manifest, stored = _released(gateway, pipeline, version)
        if revision:
            document = revisions.verified(gateway, stored, revision, lambda: runtime.allow_code_overrides)
        else:
            document = layers.effective(stored, lambda: runtime.allow_code_overrides)
    except NotFoundError as error:  # a DocumentError rejects the run, so that people see it
        raise DocumentError((Problem("", error.message, error.remedy),)) from None
    return RunInputs(document, manifest, revision, runtime.four_eyes, runtime.jobs)


def _released(gateway: Gateway, pipeline: str, version: str) -> tuple[Manifest, Layers]:
    if not version:
        return released_layers.read_current(gateway, pipeline)
    manifest = manifests.read(gateway, pipeline, version)
    if manifest is None:
        raise ReleaseError(f"version {version} of the manifest is gone", "push again")
    return manifest, released_layers.read(gateway, manifest)


def plan_header(runtime: Runtime, header: Header, inputs: RunInputs | None) -> Plan:
    """Plan a queued run. Loads the inputs if `inputs` is None."""
    options = RunOptions.of(header)
    inputs = inputs or load_inputs(runtime, header.pipeline, options.version, options.revision)
    return plan_run(runtime.gateway, header.trigger, options, inputs)


def plan_run(gateway: Gateway, trigger: Trigger, options: RunOptions, inputs: RunInputs) -> Plan:
    """Plan a run from the current state. Publishes the release, and stores the revision and code bundles."""
    document, manifest = inputs.document, inputs.manifest
    release = publish(gateway, manifest, trigger.by)
    revision = inputs.revision or revisions.record(gateway, document, trigger.by if options.version else "")
    prices, warnings = price_store.read(gateway)
    plan = make_plan(
        gateway, document, trigger, release, revision, inputs.jobs, force=options.force, prices=prices
    )
    ensure_bundles(gateway, release, plan)
    copy_gathered(gateway, plan)
    plan = replace(plan, manifest=manifest.version, warnings=(*plan.warnings, *warnings))
    people = (manifest.by, str(manifest.promoted.get("by", "")))
    return four_eyes.bar(gateway, plan, people) if inputs.four_eyes else plan


def make_plan(
    gateway: Gateway,
    document: Effective,
    trigger: Trigger,
    release: Release,
    revision: int,
    jobs: JobSettings = NO_SETTINGS,
    *,
    force: bool = False,
    prices: Prices | None = None,
) -> Plan:
    """Collect the recorded state and plan a document for one trigger, with the trigger's parameters.

    `jobs`: the installation's settings of jobs. Only reads. Raises DocumentError if a parameter is wrong, and
    PlanError if the run cannot be planned.
    """
    pipeline = expanded(with_parameters(document.pipeline, dict(trigger.parameters)))
    selected = select(pipeline, trigger.selection).pipeline
    results, superseded = previous_results(gateway, selected, _partition(selected, trigger, gateway))
    if trigger.package:
        results = {**results, **approved_package(gateway, selected, trigger)}
    continued = continued_results(gateway, selected, trigger.continues) if trigger.continues else {}
    results = {**results, **{name: (result,) for name, result in continued.items() if result}}
    recorded = Recorded(
        gateway.installation,
        release,
        revision,
        results=results,
        external=_digests(gateway, external_inputs(selected, trigger, gateway.installation)),
        pinned=_pinned(gateway, selected),
        champion=_champion(gateway, selected),
        approvals=approval_statuses(gateway, selected, results),
        superseded=superseded,
        continued=continued,
        reviewed=reviewed_parameters(document, trigger),
        jobs=jobs,
        prices=prices,
    )
    return planner.plan(pipeline, trigger, recorded, force=force)


def reviewed_parameters(document: Effective, trigger: Trigger) -> Mapping[str, Any]:
    """Return the reviewed values of the parameters that gates read, as far as the run has others.

    Reviewed are the pushed document and the `parameters` of its trigger.
    """
    pipeline = document.pipeline
    reviewed = {**pipeline.parameters, **document.reviewed, **trigger_parameters(pipeline, trigger)}
    actual = {**pipeline.parameters, **trigger.parameters}
    return {
        name: reviewed[name] for name in sorted(gate_parameters(pipeline)) if reviewed[name] != actual[name]
    }


def _digests(gateway: Gateway, uris: Sequence[str]) -> dict[str, str]:
    """Return S3 URI -> digest of its objects. URIs without objects are left out."""
    digests = run_parallel(partial(input_digest, gateway), uris)
    return {uri: digest for uri, digest in zip(uris, digests, strict=True) if digest}


def _pinned(gateway: Gateway, pipeline: Pipeline) -> Mapping[str, Pinned]:
    """Return stage -> pinned result of every stage with a `pin`."""
    referenced = referenced_outputs(pipeline)
    pins = {name: stage.pin for name, stage in pipeline.stages.items() if stage.pin}
    return {name: _pin(gateway, pipeline, name, run, referenced) for name, run in pins.items()}


def _pin(
    gateway: Gateway, pipeline: Pipeline, stage: str, run: str, referenced: Collection[tuple[str, str]]
) -> Pinned:
    header = gateway.runs.header(run)
    if header is None:
        return Pinned(error=f"there is no run {run}")
    if header.pipeline != pipeline.name:
        return Pinned(error=f"run {run} belongs to pipeline {header.pipeline}")
    result = good_result(gateway, run, stage)
    if result is None:
        return Pinned(error=f"run {run} has no good result of {stage}")
    missing = [ref for ref in artifact_refs(stage, result, referenced) if not exists(gateway, ref)]
    if missing:
        return Pinned(error=f"{missing[0].name}, which run {run} made, is gone")
    return Pinned(result, header.partition)


def _champion(gateway: Gateway, pipeline: Pipeline) -> Champion | None:
    """Return the newest approved version if a gate compares with the champion, else None."""
    compared = {
        name: {ref.path[1] for ref in references(stage.condition) if ref.of_champion}
        for name, stage in pipeline.stages.items()
        if stage.judges and stage.enabled
    }
    gates = {name for name, sources in compared.items() if sources}
    if not gates:
        return None
    (group,) = filter(None, (stage.package_group(pipeline.name) for stage in pipeline.stages.values()))
    package = gateway.registry.champion(group)
    if package is None:
        return None
    run = package.metadata.get("stagewright:run", "")
    stages = sorted(gates.union(*compared.values())) if run else []
    results = {stage: result for stage in stages if (result := good_result(gateway, run, stage))}
    return Champion(package.arn, run, results)


def _partition(pipeline: Pipeline, trigger: Trigger, gateway: Gateway) -> str:
    """Return the run's partition. Raises PlanError if the trigger's values make an invalid one."""
    partition = str(document_values(pipeline, trigger, gateway.installation, run="")["partition",])
    if not PARTITION.fullmatch(partition):
        raise PlanError((Problem("partition", f"{shown(partition)} is not a partition", PARTITION_FORM),))
    return partition
