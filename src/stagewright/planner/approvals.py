"""Stages that wait until a person has approved the model version that they serve.

According to SageMaker's developer guide ("Update the Approval Status of a Model"), a version is deployed once
it is approved. The local service's CreateModel rejects any other version; AWS's behavior is not confirmed.
"""

from __future__ import annotations

from collections.abc import Mapping, Set

from stagewright.document.pipeline import Pipeline
from stagewright.naming import item_of
from stagewright.planner.model import StagePlan
from stagewright.stages.base.schema import Serving
from stagewright.syntax.references import sole_reference

APPROVED = "Approved"
REJECTED = "Rejected"
PENDING = "PendingManualApproval"
"""Approval statuses of a model package (SageMaker API reference, UpdateModelPackage)."""


def registered_by(pipeline: Pipeline, name: str) -> str | None:
    """Return the register stage whose model version this stage serves, if a person approves it, else None."""
    stage = pipeline.stages[name]
    reference = sole_reference(stage.model) if isinstance(stage, Serving) else None
    source = reference.stage if reference else None
    register = pipeline.stages.get(source or "")
    return source if register and register.needs_approval else None


def version_of(package: str) -> int:
    """Return the version number in a model package's ARN. 0: the ARN has none."""
    number = package.rpartition("/")[2]
    return int(number) if number.isdecimal() else 0


def reason(pipeline: str, package: str = "", status: str = PENDING, instance: str = "") -> str:
    """Return why a stage waits, with the command that decides.

    `package`: ARN of the version; empty for the version that the run will register. `instance`: the register
    stage, if it is an instance of a list. Its name selects the version, since each instance has a version 1.
    """
    version = version_of(package)
    if package and status not in (PENDING, ""):
        return f"version {version} is not served: it is {status.lower()}"
    number = f" {instance or version}" if instance or version else ""
    return f"waits for approval (stagewright approve {pipeline}{number} --why TEXT)"


def reason_of(pipeline: Pipeline, register: StagePlan, statuses: Mapping[str, str]) -> str:
    """Return why a stage waits that serves the version of a register stage.

    `statuses`: package ARN -> approval status.
    """
    package = str(register.result.get("package", ""))
    if not package and pipeline.stages[register.name].registers_rejected:
        name = register.name
        return f"is not served: {name} registers it as rejected; stages.{name}.approval: manual asks a person"
    instance = register.name if item_of(register.name) else ""
    return reason(pipeline.name, package, statuses.get(package, ""), instance)


def awaited(
    pipeline: Pipeline,
    name: str,
    needs: Mapping[str, Set[str]],
    planned: Mapping[str, StagePlan],
    approvals: Mapping[str, str],
) -> str:
    """Return the register stage whose version must be approved before the stage runs. Empty: none.

    A version that an approval stage before this one asks about does not count: the run waits there.

    `needs`: stage -> the stages that it depends on. `approvals`: package ARN -> status. A package without a
    status counts as approved.
    """
    source = registered_by(pipeline, name)
    if source is None or _after_approval_stage(pipeline, name, needs):
        return ""
    package = str(planned[source].result.get("package", ""))
    is_approved = planned[source].action != "run" and approvals.get(package, APPROVED) == APPROVED
    return "" if is_approved else source


def _after_approval_stage(pipeline: Pipeline, name: str, needs: Mapping[str, Set[str]]) -> bool:
    """Return whether the stage depends, directly or not, on an enabled approval stage."""
    pending, seen = [*needs[name]], set[str]()
    while pending:
        predecessor = pending.pop()
        stage = pipeline.stages[predecessor]
        if stage.asks_a_person and stage.enabled:
            return True
        pending += needs[predecessor] - seen
        seen |= needs[predecessor]
    return False
