"""Stages that cannot run before a person has approved what they serve.

SageMaker's developer guide ("Update the Approval Status of a Model") has a version deployed only once it is
approved; that CreateModel refuses any other is how the local service has it, and not confirmed.
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
    """The register stage whose package this endpoint stage serves, where people approve it; else None."""
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
    """Whether what it serves is not approved when its turn comes, and no stage before it waits for that.

    `approvals`: package ARN -> status; one that is not there counts as approved.
    """
    source = registered_by(pipeline, name)
    if source is None or _asked_before(pipeline, name, needs):
        return False
    if planned[source].action == "run":
        return True
    package = str(planned[source].result.get("package", ""))
    return approvals.get(package, APPROVED) != APPROVED


def _asked_before(pipeline: Pipeline, name: str, needs: Mapping[str, Set[str]]) -> bool:
    """Whether an approval stage that is on stands somewhere before."""
    left, seen = [*needs[name]], set[str]()
    while left:
        each = left.pop()
        stage = pipeline.stages[each]
        if stage.asks_a_person and stage.enabled:
            return True
        left += needs[each] - seen
        seen |= needs[each]
    return False
