"""What the registry says of the packages that a run may serve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stagewright.document.pipeline import Pipeline
from stagewright.gateway import Gateway
from stagewright.parallel import together
from stagewright.planner.approvals import registered_by
from stagewright.planner.model import GoodResult, Trigger
from stagewright.stages.register.schema import Register


def lent(gateway: Gateway, pipeline: Pipeline, trigger: Trigger) -> dict[str, Sequence[GoodResult]]:
    """The approved package as the result of the register stages that are off and own its group.

    As its run has it, in whatever partition that was; one that no run here has registered is lent all the
    same.
    """
    group = trigger.package.split(":model-package/")[-1].split("/")[0]
    return {
        name: (_result(gateway, name, trigger),)
        for name, stage in pipeline.stages.items()
        if isinstance(stage, Register)
        and not stage.enabled
        and (stage.group or pipeline.name).casefold() == group.casefold()
    }


def statuses(
    gateway: Gateway, pipeline: Pipeline, results: Mapping[str, Sequence[GoodResult]]
) -> dict[str, str]:
    """Package ARN -> status, of those that a stage may serve and people decide on."""
    sources = {source for name in pipeline.stages if (source := registered_by(pipeline, name))}
    found = {result.result.get("package") for source in sources for result in results.get(source, ())}
    arns = sorted(str(arn) for arn in found if arn)
    packages = together(gateway.registry.package, arns)
    return {arn: package.approval if package else "gone" for arn, package in zip(arns, packages, strict=True)}


def _result(gateway: Gateway, stage: str, trigger: Trigger) -> GoodResult:
    item = gateway.runs.stages(trigger.run).get(stage) if trigger.run else None
    if item and item.status == "SUCCEEDED" and item.result.get("package") == trigger.package:
        return GoodResult(trigger.run, item.ended, item.fingerprint, item.result, item.inputs)
    package = {"package": trigger.package}
    run = trigger.run or "(of the registry)"
    return GoodResult(run, trigger.time, f"package:{trigger.package}", package, package)
