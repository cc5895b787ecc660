"""All that planning may look at: earlier results, external inputs as they are now, champion, approvals."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from stagewright.errors import PlanError, Problem
from stagewright.plan import planner
from stagewright.plan.model import Champion, Pinned, Plan, Recorded, Trigger
from stagewright.plan.release import Release
from stagewright.plan.selection import selected
from stagewright.plan.values import document_values
from stagewright.run import earlier, packages
from stagewright.run.gateway import Gateway
from stagewright.run.things import digest, exists, outputs_read, things_of
from stagewright.run.together import together
from stagewright.spec.condition import references
from stagewright.spec.kinds import Gate, Register
from stagewright.spec.pipeline import Pipeline
from stagewright.spec.reference_rules import PARTITION, PARTITION_FORM
from stagewright.spec.shape import said


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
    external = zip(places, together(partial(digest, gateway), places), strict=True)
    results, displaced = earlier.results(gateway, pipeline, _partition(pipeline, trigger, gateway))
    if trigger.package:
        results = {**results, **packages.lent(gateway, pipeline, trigger)}
    recorded = Recorded(
        gateway.installation,
        release,
        revision,
        results=results,
        external={place: found for place, found in external if found},
        pinned=_pinned(gateway, pipeline),
        champion=_champion(gateway, pipeline),
        approvals=packages.statuses(gateway, pipeline, results),
        displaced=displaced,
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
        result = earlier.good_result(gateway, run, stage)
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
    results = {stage: earlier.good_result(gateway, run, stage) for stage in wanted} if run else {}
    return Champion(package.arn, run, {stage: found for stage, found in results.items() if found})


def _partition(pipeline: Pipeline, trigger: Trigger, gateway: Gateway) -> str:
    """PlanError where what the trigger brought makes none: results are found by it."""
    partition = str(document_values(pipeline, trigger, gateway.installation, run="")["partition",])
    if not PARTITION.fullmatch(partition):
        raise PlanError((Problem("partition", f"{said(partition)} is no partition", PARTITION_FORM),))
    return partition
