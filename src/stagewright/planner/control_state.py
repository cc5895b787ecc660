"""The state of controls while the stages are decided: which of them are in force (see `controls`)."""

from __future__ import annotations

from collections.abc import Mapping, Set

from stagewright.document.controls import evidence, guarded_by
from stagewright.errors import PlanError, Problem
from stagewright.planner import controls
from stagewright.planner.earlier_results import EarlierResults
from stagewright.planner.model import GoodResult, StagePlan, Trigger
from stagewright.planner.selection import Selected
from stagewright.planner.stage_resolver import StageResolver
from stagewright.stages.registry import AnyStage


class ControlState:
    """The controls that are not in force, and the stages that do not run because of them.

    Arguments:
        needs: Stage -> the stages that it depends on.
        resolver: Has the plans of the stages decided so far.
    """

    def __init__(
        self,
        selected: Selected,
        needs: Mapping[str, Set[str]],
        trigger: Trigger,
        resolver: StageResolver,
        results: EarlierResults,
    ) -> None:
        self._why = selected.why
        self._only, self._start = trigger.only, trigger.start
        self._needs = needs
        self._resolver = resolver
        self._recorded = resolver.recorded
        self._results = results
        self._controls = controls.controls(selected, trigger.bypass)
        self._guards = guarded_by(needs, self._controls)
        self._reviewed = controls.selected_by_document(selected.pipeline, trigger)
        self._lapsed: dict[str, str] = {}
        """Control that is not in force -> why."""
        self.shut: set[str] = set()
        """Stages that do not run because a control before them is not in force."""

    def add(self, stage: AnyStage, planned: StagePlan) -> None:
        """Note a decided stage, if it is a control that is not in force."""
        if planned.name in self._controls and (why := self._lapse(planned.name, stage, planned)):
            self._lapsed[planned.name] = why

    def lapse_before(self, name: str) -> tuple[str, str] | None:
        """Return a control before the stage that is not in force, and why, or None."""
        lapsed = self._guards[name] & self._lapsed.keys()
        for control in sorted(lapsed, key=lambda control: (control in self.shut, control)):
            if not (self._reviewed and self._uses_results_behind(control, name)):
                return control, self._lapsed[control]
        return None

    def shut_off(self, name: str, control: str, why: str) -> Problem:
        """Note that a stage does not run because `control` is not in force, and return that as a problem.

        Raises PlanError if the run selects the stage by name.
        """
        named = "only" if name in self._only else "from" if name in self._start else ""
        problem = controls.lapse_problem(named, name, control, why)
        if named:
            raise PlanError((problem,))
        self.shut.add(name)
        return problem

    def _lapse(self, name: str, stage: AnyStage, planned: StagePlan) -> str:
        """Return why a control is not in force, or "" if it is."""
        if planned.action == "run" or (planned.action == "reuse" and stage.enabled):
            return ""
        if stage.enabled:
            return planned.reason
        if self._recorded.continued.get(name):  # it was in force when the continued run began to wait
            return self._recorded.superseded.get(name, "")
        why = self._why[name]
        stale = [source for source in evidence(stage) if source in self._results.stale]
        if stale:
            return f"{why}; the result of {stale[0]} {self._results.stale[stale[0]]}"
        if not self._resolver.has(self._needs[name]):
            return why
        try:
            resolved = self._resolver.resolve(name, self._needs[name])
        except PlanError as error:
            return f"{why}; {error.problems[0].message}"
        reason = self._results.reusable(name, stage, resolved, never_forced=True)
        return "" if isinstance(reason, GoodResult) else f"{why}; {reason.removeprefix(f'{name}: ')}"

    def _uses_results_behind(self, control: str, name: str) -> bool:
        """Return whether all that the stage uses was made behind the control."""
        if control in self._needs[name]:
            return False
        planned = self._resolver.stages
        behind = [planned[need] for need in self._needs[name] if control in self._guards[need]]
        return all(need.action == "run" or self._made_behind(control, need) for need in behind)

    def _made_behind(self, control: str, planned: StagePlan) -> bool:
        needs, guards, results = self._needs, self._guards, self._recorded.results
        return planned.action == "reuse" and controls.made_behind(
            control, planned.name, planned.inputs, needs, guards, results
        )
