"""The approval status of the model packages that a run may serve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from stagewright.document.pipeline import Pipeline
from stagewright.gateway import Gateway
from stagewright.parallel import run_parallel
from stagewright.planner.approvals import APPROVED, PENDING, registered_by
from stagewright.planner.model import GoodResult, Trigger
from stagewright.runs import four_eyes


def approved_package(
    gateway: Gateway, pipeline: Pipeline, trigger: Trigger
) -> dict[str, Sequence[GoodResult]]:
    """Return the package of an approval trigger as the result of each disabled register stage of its group.

    The result is the one that the registering run recorded, whatever its partition. A package that no run
    of this installation registered gets a result with the package alone.
    """
    group = trigger.package.split(":model-package/")[-1].split("/")[0]
    return {
        name: (_result(gateway, name, trigger),)
        for name, stage in pipeline.stages.items()
        if not stage.enabled and (stage.package_group(pipeline.name) or "").casefold() == group.casefold()
    }


def approval_statuses(
    gateway: Gateway, pipeline: Pipeline, results: Mapping[str, Sequence[GoodResult]]
) -> dict[str, str]:
    """Return ARN -> approval status of every package that a stage may serve and a person approves.

    The status of a deleted package is "gone". An approval by a person who may not approve counts as none.
    """
    registers = {source for name in pipeline.stages if (source := registered_by(pipeline, name))}
    packages = {result.result.get("package") for source in registers for result in results.get(source, ())}
    arns = sorted(str(arn) for arn in packages if arn)
    return dict(zip(arns, run_parallel(partial(_status, gateway), arns), strict=True))


def _status(gateway: Gateway, arn: str) -> str:
    package = gateway.registry.package(arn)
    if package is None:
        return "gone"
    objects = package.approval == APPROVED and four_eyes.objection(gateway, package)
    return PENDING if objects else package.approval


def _result(gateway: Gateway, stage: str, trigger: Trigger) -> GoodResult:
    item = gateway.runs.stages(trigger.run).get(stage) if trigger.run else None
    if item and item.status == "SUCCEEDED" and item.result.get("package") == trigger.package:
        return GoodResult(trigger.run, item.ended, item.fingerprint, item.result, item.inputs)
    package = {"package": trigger.package}
    run = trigger.run or "(of the registry)"
    return GoodResult(run, trigger.time, f"package:{trigger.package}", package, package)
