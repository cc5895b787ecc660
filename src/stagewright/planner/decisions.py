"""For each stage of a run: run, reuse or skip, and why.

An enabled stage runs unless `reuse` finds an earlier result for it. A disabled stage does not run: references
to it resolve to its newest good result in the partition, even if its inputs have changed since. A pinned
stage does not run either: references resolve to its result in one run, which may belong to another partition.
Only a gate rejects such a stale result, because it must not pass a model on the figures of another one.

A stage behind a gate or an approval that is not in force does not run (see `controls`). A run that selects
such a stage by name is rejected.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from contextlib import suppress
from dataclasses import dataclass, field, replace

from stagewright.errors import PlanError, Problem
from stagewright.planner import approvals, fingerprint
from stagewright.planner.control_state import ControlState
from stagewright.planner.earlier_results import EarlierResults
from stagewright.planner.model import GoodResult, Recorded, StagePlan, Trigger
from stagewright.planner.resolved_stage import ResolvedStage
from stagewright.planner.reuse import ReusePolicy
from stagewright.planner.running_stage import running_stage
from stagewright.planner.selection import STARTS, Selected
from stagewright.planner.stage_resolver import StageResolver
from stagewright.planner.values import event_time
from stagewright.planner.waves import topological
from stagewright.stages.registry import AnyStage


@dataclass
class Decisions:
    """The decided stages of a run, in the order of their dependencies.

    Fields:
        partition: The run's partition.
        stages: Stage -> its plan.
        running: The stages that run.
        noted: The stages whose reason is also a warning.
        problems: What prevents the run.
    """

    partition: str
    stages: dict[str, StagePlan] = field(default_factory=dict)
    running: set[str] = field(default_factory=set)
    noted: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)


def decide(
    selected: Selected,
    needs: Mapping[str, Set[str]],
    trigger: Trigger,
    recorded: Recorded,
    run: str,
    force: bool,
) -> Decisions:
    """Decide every stage, each after the stages that it depends on.

    `needs`: stage -> the stages that it depends on. `force`: run every enabled stage.
    """
    return _Decider(selected, needs, trigger, recorded, run, force).decide()


class _Decider:
    def __init__(
        self,
        selected: Selected,
        needs: Mapping[str, Set[str]],
        trigger: Trigger,
        recorded: Recorded,
        run: str,
        force: bool,
    ) -> None:
        self.selected = selected
        self.pipeline = selected.pipeline
        self.needs = needs
        self.trigger = trigger
        self.recorded = recorded
        self.run = run
        self.resolver = StageResolver(selected.pipeline, trigger, recorded, run)
        self.decisions = Decisions(self.resolver.partition)
        policy = ReusePolicy(event_time(trigger), force, recorded.champion, recorded.superseded)
        self.results = EarlierResults(selected, needs, recorded, policy, self.decisions.running)
        self.controls = ControlState(selected, needs, trigger, self.resolver, self.results)
        self.waiting: dict[str, str] = {}
        """Stage that waits for an approval, itself or through another one -> the register stage."""
        self.unmet: set[str] = set()
        """Stages that did not succeed in the continued run, and the stages that depend on them."""

    def decide(self) -> Decisions:
        for name in topological(list(self.pipeline.stages), self.needs):
            try:
                self._decide(name)
            except PlanError as error:
                self.decisions.problems += error.problems
        return self.decisions

    def _decide(self, name: str) -> None:
        stage = self.pipeline.stages[name]
        if stage.enabled and not stage.pin and not self.resolver.has(self.needs[name]):
            self.resolver.sources(name)  # reports what is missing for this stage too
            return
        planned = self._planned(name, stage)
        self.decisions.stages[name] = planned
        self.resolver.add(planned)
        if planned.action == "run":
            self.decisions.running.add(name)
        self.controls.add(stage, planned)

    def _planned(self, name: str, stage: AnyStage) -> StagePlan:
        if name in self.recorded.continued:
            return self._continued(name, stage, self.recorded.continued[name])
        if name in self.trigger.bypass:
            return self._bypassed(name, stage)
        if stage.pin:
            return self._pinned(name, stage)
        return self._enabled(name, stage) if stage.enabled else self._disabled(name, stage)

    def _continued(self, name: str, stage: AnyStage, result: GoodResult | None) -> StagePlan:
        """Use the result of the continued run: what was approved there is what the waiting stages get."""
        if result:
            return self._reuse(name, stage, result, f"continues run {self.trigger.continues}")
        return self._skip_unmet(name, stage)

    def _skip_unmet(self, name: str, stage: AnyStage, subject: str = "") -> StagePlan:
        self.unmet.add(name)
        reason = f"{subject}did not succeed in run {self.trigger.continues}"
        return StagePlan(name, stage.kind, "skip", reason)

    def _bypassed(self, name: str, stage: AnyStage) -> StagePlan:
        self.decisions.noted.add(name)
        reason = replace(self.trigger, bypass=(name,)).bypass_note.removeprefix(f"{name} ")
        return StagePlan(name, stage.kind, "skip", reason)

    def _pinned(self, name: str, stage: AnyStage) -> StagePlan:
        pinned = self.recorded.pinned[name]
        if pinned.result is None:
            raise PlanError((Problem(f"stages.{name}.pin", pinned.error, "pin another run, or none"),))
        elsewhere = pinned.partition != self.resolver.partition
        where = f" of partition {pinned.partition}" if elsewhere else ""
        return self._fixed(name, stage, pinned.result, f"pinned to run {stage.pin}{where}")

    def _disabled(self, name: str, stage: AnyStage) -> StagePlan:
        why, results = self.selected.why[name], self.results.of(name)
        if not results:
            return StagePlan(name, stage.kind, "skip", why)
        return self._fixed(name, stage, results[0], f"{why}; uses the result of run {results[0].run}")

    def _fixed(self, name: str, stage: AnyStage, result: GoodResult, reason: str) -> StagePlan:
        """Reuse a result whatever the stage's inputs are now. If they differ, it is marked as stale."""
        current = result.inputs
        if self.resolver.has(self.needs[name]):
            with suppress(PlanError):
                current = self.resolver.resolve(name, self.needs[name]).inputs
        if difference := self.results.compare(name, stage, result, current):
            self.decisions.noted.add(name)
            reason += f" (stale: {difference})"
        return self._reuse(name, stage, result, reason)

    def _enabled(self, name: str, stage: AnyStage) -> StagePlan:
        if unmet := sorted(self.needs[name] & self.unmet):
            return self._skip_unmet(name, stage, f"{unmet[0]} ")
        lapse = self.controls.lapse_before(name)
        if lapse and not (self.controls.shut | self.waiting.keys()).isdisjoint(self.needs[name]):
            return self._shut(name, stage, *lapse)
        if stage.judges:
            self.results.reject_stale(name, stage)
        if awaited := sorted(self.needs[name] & self.waiting.keys()):
            return self._wait(name, stage, f"waits for {awaited[0]}", self.waiting[awaited[0]])
        resolved = self.resolver.resolve(name, self.needs[name])
        reason = self._run_or_reuse(name, stage, resolved)
        if isinstance(reason, GoodResult):
            return self._reuse(name, stage, reason, self._reuse_reason(name, reason))
        if lapse:
            return self._shut(name, stage, *lapse)
        register = approvals.awaited(
            self.pipeline, name, self.needs, self.decisions.stages, self.recorded.approvals
        )
        if register:
            source = self.decisions.stages[register]
            reason = approvals.reason_of(self.pipeline, source, self.recorded.approvals)
            return self._wait(name, stage, reason, register)
        if resolved.lacks_champion:
            reason += "; no champion yet"
        return self._run(name, stage, reason, resolved)

    def _run_or_reuse(self, name: str, stage: AnyStage, resolved: ResolvedStage) -> str | GoodResult:
        """Return the reason to run, or the result to reuse."""
        return STARTS if name in self.selected.start else self.results.reusable(name, stage, resolved)

    def _shut(self, name: str, stage: AnyStage, control: str, why: str) -> StagePlan:
        """Skip a stage whose control is not in force. Raises PlanError if the run selects it by name."""
        problem = self.controls.shut_off(name, control, why)
        self.decisions.noted.add(name)
        reason = f"{problem.message.removeprefix(f'{name} is ')}; {problem.remedy}"
        return StagePlan(name, stage.kind, "skip", reason)

    def _reuse(self, name: str, stage: AnyStage, result: GoodResult, reason: str) -> StagePlan:
        self.results.use(name, result)
        return StagePlan(
            name,
            stage.kind,
            "reuse",
            reason,
            fingerprint=result.fingerprint,
            inputs=result.inputs,
            result=result.result,
            reused_from=result.run,
        )

    def _reuse_reason(self, name: str, result: GoodResult) -> str:
        if not result.rolled_back:
            return f"same as run {result.run}"
        self.decisions.noted.add(name)
        return f"{result.rolled_back}; the same is not deployed again, --from {name} deploys it"

    def _run(self, name: str, stage: AnyStage, reason: str, resolved: ResolvedStage) -> StagePlan:
        if stage.cache is not True or name in self.selected.start:
            resolved = replace(resolved, inputs={**resolved.inputs, fingerprint.UNCACHED: self.run})
        return running_stage(name, reason, resolved, self.resolver)

    def _wait(self, name: str, stage: AnyStage, reason: str, register: str) -> StagePlan:
        self.waiting[name] = register
        return StagePlan(name, stage.kind, "skip", reason, awaits=register)
