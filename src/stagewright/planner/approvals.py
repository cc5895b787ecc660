"""Stages that wait until a person has approved the model version that they serve.

According to SageMaker's developer guide ("Update the Approval Status of a Model"), a version is deployed once
it is approved. The local service's CreateModel rejects any other version; AWS's behavior is not confirmed.
"""

from __future__ import annotations

from collections.abc import Mapping, Set

from stagewright.document.pipeline import Pipeline
from stagewright.planner.model import StagePlan
from stagewright.stages.base.schema import Serving
from stagewright.syntax.references import sole_reference

APPROVED = "Approved"
WAITS = "waits for approval"


def registered_by(pipeline: Pipeline, name: str) -> str | None:
    """Return the register stage whose model version this stage serves, if a person approves it, else None."""
    stage = pipeline.stages[name]
    model = stage.model if isinstance(stage, Serving) and stage.needs_approved_model else ""
    reference = sole_reference(model)
    source = reference.stage if reference else None
    register = pipeline.stages.get(source or "")
    return source if register and register.needs_approval else None


def waits(
    pipeline: Pipeline,
    name: str,
    needs: Mapping[str, Set[str]],
    planned: Mapping[str, StagePlan],
    approvals: Mapping[str, str],
) -> bool:
    """Return whether the stage waits for an approval that no approval stage before it waits for.

    `needs`: stage -> the stages that it depends on. `approvals`: package ARN -> status. A package without a
    status counts as approved.
    """
    source = registered_by(pipeline, name)
    if source is None or _after_approval_stage(pipeline, name, needs):
        return False
    if planned[source].action == "run":
        return True
    package = str(planned[source].result.get("package", ""))
    return approvals.get(package, APPROVED) != APPROVED


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
