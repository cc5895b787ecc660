"""The earlier results of stages: which of them a run can use, and how old those are that it uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import replace

from stagewright.document.controls import evidence
from stagewright.errors import PlanError, Problem
from stagewright.planner import fingerprint
from stagewright.planner.model import GoodResult, Recorded
from stagewright.planner.resolved_stage import ResolvedStage
from stagewright.planner.reuse import ReuseCase, ReusePolicy
from stagewright.planner.selection import Selected
from stagewright.stages.registry import AnyStage


class EarlierResults:
    """The earlier results, as the stages are decided.

    Arguments:
        needs: Stage -> the stages that it depends on.
        running: The stages that run, so far.
    """

    def __init__(
        self,
        selected: Selected,
        needs: Mapping[str, Set[str]],
        recorded: Recorded,
        policy: ReusePolicy,
        running: Set[str],
    ) -> None:
        self._selected = selected
        self._needs = needs
        self._recorded = recorded
        self._policy = policy
        self._running = running
        self._ended: dict[str, str] = {}
        """Stage that does not run -> when its result was made."""
        self.stale: dict[str, str] = {}
        """Stage that does not run -> why no gate may judge by its result."""

    def of(self, name: str) -> Sequence[GoodResult]:
        """Return the good results of a stage, newest first."""
        return self._recorded.results.get(name, ())

    def use(self, name: str, result: GoodResult) -> None:
        """Note that a stage reuses a result."""
        self._ended[name] = result.ended

    def compare(self, name: str, stage: AnyStage, result: GoodResult, inputs: Mapping[str, str]) -> str:
        """Return how a result's inputs differ from those of now, or "". Note why it is stale, if it is."""
        difference = fingerprint.explain(result.inputs, inputs, self._running)
        if difference:
            self.stale[name] = f"has other inputs: {difference}"
        elif expired := self._policy.expired(result, stage):
            self.stale[name] = f"does not count: {expired}"
        return difference

    def reusable(
        self, name: str, stage: AnyStage, resolved: ResolvedStage, *, never_forced: bool = False
    ) -> str | GoodResult:
        """Return the result that the stage can reuse, or why there is none.

        A control judged the results of the stages that it depends on, so its own result must not be older.
        `never_forced`: ignore that the run forces every stage.
        """
        policy = replace(self._policy, force=False) if never_forced else self._policy
        needs, results, running = self._needs[name], self.of(name), self._running
        rerun = [need for need in sorted(needs) if need in running]
        if stage.is_control:
            newest = max(needs & self._ended.keys(), key=self._ended.__getitem__, default="")
            judged = [result for result in results if result.ended >= self._ended.get(newest, "")]
            if results and not judged and not policy.force:
                return f"{newest} has a newer result"
            results = judged
        return policy.decide(ReuseCase(name, stage, resolved, results, rerun, running))

    def reject_stale(self, name: str, gate: AnyStage) -> None:
        """Raise PlanError if the gate would judge by a stale result: it may be about another model."""
        problems = tuple(
            self._stale_source(name, source) for source in evidence(gate) if source in self.stale
        )
        if problems:
            raise PlanError(problems)

    def _stale_source(self, name: str, source: str) -> Problem:
        pinned = self._selected.pipeline.stages[source].pin
        if pinned:
            state, remedy = f"pinned to run {pinned}, and that", f"remove stages.{source}.pin"
        else:
            state, remedy = f"{self._selected.why[source]}, and its last", f"enable {source}"
        message = f"{source} is {state} result {self.stale[source]}"
        return Problem(f"stages.{name}", message, f"{remedy}, or add --bypass {name} --reason TEXT")
