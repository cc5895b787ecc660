"""A plan, as `stagewright.plan` returns it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from stagewright.api import html, tables
from stagewright.planner.cost import plan_json

if TYPE_CHECKING:
    from stagewright.planner.model import Plan as Planned
    from stagewright.planner.model import StagePlan


class Plan:
    """What a run would do: `run`, `reuse` or `skip` for each stage, and why."""

    def __init__(self, planned: Planned) -> None:
        """`planned`: the whole plan, with the exact requests to AWS."""
        self.planned = planned

    @property
    def pipeline(self) -> str:
        """The name of the pipeline."""
        return self.planned.pipeline

    @property
    def stages(self) -> Mapping[str, StagePlan]:
        """Stage name -> its plan: `action`, `reason`, `requests`."""
        return {stage.name: stage for stage in self.planned.stages}

    @property
    def warnings(self) -> tuple[str, ...]:
        """What probably needs a change."""
        return self.planned.warnings

    @property
    def waves(self) -> tuple[tuple[tuple[str, ...], ...], ...]:
        """Waves of chains of stage names. The chains of a wave run in parallel."""
        return self.planned.waves

    def to_json(self) -> dict[str, Any]:
        """The plan as `stagewright plan --json` prints it."""
        return plan_json(self.planned)

    def __repr__(self) -> str:
        actions = ", ".join(f"{stage.name} {stage.action}" for stage in self.planned.stages)
        return f"<Plan of {self.pipeline}: {actions}>"

    def _repr_html_(self) -> str:
        warnings = (html.paragraph(f"warning: {warning}") for warning in self.warnings)
        return html.table(*tables.plan_table(self.planned)) + "".join(warnings)
