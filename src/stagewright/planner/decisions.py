"""For each stage of a run: run, reuse or skip, and why.

An enabled stage runs unless `reuse` finds an earlier result for it. A disabled stage does not run: references
to it resolve to its newest good result in the partition, even if its inputs have changed since. A pinned
stage
does not run either: references resolve to its result in one run, which may belong to another partition. Only
a gate rejects such a stale result, because it must not pass a model on the figures of another one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from stagewright.catalog import request_contract, step_functions_fields
from stagewright.errors import PlanError, Problem
from stagewright.naming import ATTEMPT
from stagewright.planner import approvals, fingerprint
from stagewright.planner.model import GoodResult, Recorded, StagePlan, Trigger
from stagewright.planner.reuse import ReuseCase, ReusePolicy
from stagewright.planner.selection import STARTS, Selected
from stagewright.planner.stage_resolver import ResolvedStage, StageResolver
from stagewright.planner.values import event_time
from stagewright.planner.waves import topological
from stagewright.stages.base.schema import MOST_ATTEMPTS
from stagewright.stages.registry import KINDS, AnyStage
from stagewright.syntax.condition import references
from stagewright.syntax.durations import seconds


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
        self.recorded = recorded
        self.run = run
        self.policy = ReusePolicy(event_time(trigger), force, recorded.champion, recorded.superseded)
        self.resolver = StageResolver(selected.pipeline, trigger, recorded, run)
        self.decisions = Decisions(self.resolver.partition)
        self.stale: dict[str, str] = {}
        """Stage that does not run -> how its inputs differ from those of its result."""
        self.blocked: set[str] = set()
        """Stages with a problem, and the stages that depend on them."""
        self.waiting: dict[str, str] = {}
        """Stage that waits for an approval, itself or through another one -> the register stage."""
        self.continues = trigger.continues
        self.unmet: set[str] = set()
        """Stages that did not succeed in the continued run, and the stages that depend on them."""

    def decide(self) -> Decisions:
        for name in topological(list(self.pipeline.stages), self.needs):
            try:
                self._decide(name)
            except PlanError as error:
                self.blocked.add(name)
                self.decisions.problems += error.problems
        return self.decisions

    def _decide(self, name: str) -> None:
        stage = self.pipeline.stages[name]
        if stage.enabled and not stage.pin and not self.blocked.isdisjoint(self.needs[name]):
            self.blocked.add(name)
            self.resolver.sources(name)  # reports what is missing for this stage too
            return
        planned = self._planned(name, stage)
        self.decisions.stages[name] = planned
        self.resolver.add(planned)
        if planned.action == "run":
            self.decisions.running.add(name)

    def _planned(self, name: str, stage: AnyStage) -> StagePlan:
        if name in self.recorded.continued:
            return self._continued(name, stage, self.recorded.continued[name])
        results = self.recorded.results.get(name, ())
        if stage.pin:
            return self._pinned(name, stage)
        return self._enabled(name, stage, results) if stage.enabled else self._disabled(name, stage, results)

    def _continued(self, name: str, stage: AnyStage, result: GoodResult | None) -> StagePlan:
        """Use the result of the continued run: what was approved there is what the waiting stages get."""
        if result:
            return _reuse(name, stage, result, f"continues run {self.continues}")
        return self._skip_unmet(name, stage, f"did not succeed in run {self.continues}")

    def _skip_unmet(self, name: str, stage: AnyStage, reason: str) -> StagePlan:
        self.unmet.add(name)
        return StagePlan(name, stage.kind, "skip", reason)

    def _pinned(self, name: str, stage: AnyStage) -> StagePlan:
        pinned = self.recorded.pinned[name]
        if pinned.result is None:
            raise PlanError((Problem(f"stages.{name}.pin", pinned.error, "pin another run, or none"),))
        elsewhere = pinned.partition != self.resolver.partition
        where = f" of partition {pinned.partition}" if elsewhere else ""
        return self._fixed(name, stage, pinned.result, f"pinned to run {stage.pin}{where}")

    def _disabled(self, name: str, stage: AnyStage, results: Sequence[GoodResult]) -> StagePlan:
        why = self.selected.why[name]
        if not results:
            return StagePlan(name, stage.kind, "skip", why)
        return self._fixed(name, stage, results[0], f"{why}; uses the result of run {results[0].run}")

    def _fixed(self, name: str, stage: AnyStage, result: GoodResult, reason: str) -> StagePlan:
        """Reuse a result whatever the stage's inputs are now. If they differ, it is marked as stale."""
        current = result.inputs
        if self.blocked.isdisjoint(self.needs[name]):
            with suppress(PlanError):
                current = self.resolver.resolve(name, self.needs[name]).inputs
        if difference := fingerprint.explain(result.inputs, current, self.decisions.running):
            self.stale[name] = difference
            self.decisions.noted.add(name)
            reason += f" (stale: {difference})"
        return _reuse(name, stage, result, reason)

    def _enabled(self, name: str, stage: AnyStage, results: Sequence[GoodResult]) -> StagePlan:
        if stage.judges:
            self._reject_stale(name, stage)
        if unmet := sorted(self.needs[name] & self.unmet):
            return self._skip_unmet(name, stage, f"{unmet[0]} did not succeed in run {self.continues}")
        if awaited := sorted(self.needs[name] & self.waiting.keys()):
            return self._wait(name, stage, f"waits for {awaited[0]}", self.waiting[awaited[0]])
        resolved = self.resolver.resolve(name, self.needs[name])
        reason = self._reason(name, stage, resolved, results)
        if isinstance(reason, GoodResult):
            return _reuse(name, stage, reason, self._reuse_reason(name, reason))
        register = approvals.awaited(
            self.pipeline, name, self.needs, self.decisions.stages, self.recorded.approvals
        )
        if register:
            package = str(self.decisions.stages[register].result.get("package", ""))
            reason = approvals.reason(self.pipeline.name, package, self.recorded.approvals.get(package, ""))
            return self._wait(name, stage, reason, register)
        if resolved.lacks_champion:
            reason += "; no champion yet"
        return self._run(name, stage, reason, resolved)

    def _reason(
        self, name: str, stage: AnyStage, resolved: ResolvedStage, results: Sequence[GoodResult]
    ) -> str | GoodResult:
        """Return the reason to run, or the result to reuse."""
        if name in self.selected.start:
            return STARTS
        running = self.decisions.running
        rerun = [need for need in sorted(self.needs[name]) if need in running]
        return self.policy.decide(ReuseCase(name, stage, resolved, results, rerun, running))

    def _reuse_reason(self, name: str, result: GoodResult) -> str:
        if not result.rolled_back:
            return f"same as run {result.run}"
        self.decisions.noted.add(name)
        return f"{result.rolled_back}; the same is not deployed again, --from {name} deploys it"

    def _run(self, name: str, stage: AnyStage, reason: str, resolved: ResolvedStage) -> StagePlan:
        if stage.cache is not True or name in self.selected.start:
            resolved = replace(resolved, inputs={**resolved.inputs, fingerprint.UNCACHED: self.run})
        kind = KINDS[stage.kind].request
        job = self._job_name(name, stage)
        attempts = stage.retry.attempts if stage.retry else 1
        built = self.resolver.build(name, job, resolved.bundle)
        planned = StagePlan(
            name,
            stage.kind,
            "run",
            reason,
            fingerprint=resolved.fingerprint,
            inputs=resolved.inputs,
            job=job,
            timeout=built.timeout,
            requests=built.requests,
            bindings=built.bindings,
            outputs=built.outputs,
            metrics=built.metrics,
            bundle=resolved.bundle,
            uses=tuple(kind.uses(built.requests, built.timeout, attempts)),
            **_flow_fields(stage),
        )
        _check_requests(planned, built.tokens)
        return planned

    def _job_name(self, name: str, stage: AnyStage) -> str:
        """Return the job's name. With retries, `ATTEMPT` stands for the number of the attempt."""
        name_job = KINDS[stage.kind].request.job_name
        if not stage.retry:
            return name_job(self.run, name, 1)
        last = name_job(self.run, name, MOST_ATTEMPTS)  # the longest name decides where it is cut
        return last.removesuffix(str(MOST_ATTEMPTS)) + ATTEMPT

    def _wait(self, name: str, stage: AnyStage, reason: str, register: str) -> StagePlan:
        self.waiting[name] = register
        return StagePlan(name, stage.kind, "skip", reason, awaits=register)

    def _reject_stale(self, name: str, gate: AnyStage) -> None:
        """Raise PlanError if the gate would judge by a stale result: it may be about another model."""
        sources = dict.fromkeys(reference.stage or "" for reference in references(gate.condition))
        problems = tuple(self._stale_source(name, source) for source in sources if source in self.stale)
        if problems:
            raise PlanError(problems)

    def _stale_source(self, name: str, source: str) -> Problem:
        pinned = self.pipeline.stages[source].pin
        if pinned:
            state, remedy = f"pinned to run {pinned}, and that", f"remove stages.{source}.pin"
        else:
            state, remedy = f"{self.selected.why[source]}, and its last", f"enable {source}"
        message = f"{source} is {state} result has other inputs: {self.stale[source]}"
        return Problem(f"stages.{name}", message, f"{remedy}, or disable {name}")


def _reuse(name: str, stage: AnyStage, result: GoodResult, reason: str) -> StagePlan:
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


def _flow_fields(stage: AnyStage) -> dict[str, Any]:
    """Return what the state machine does when the stage's condition is false, or an attempt fails."""
    fields: dict[str, Any] = {}
    if stage.else_action != "fail":
        fields["otherwise"] = stage.else_action
    if stage.retry:
        fields |= {"attempts": stage.retry.attempts, "wait": seconds(stage.retry.wait)}
    return fields


def _check_requests(planned: StagePlan, tokens: re.Pattern[str]) -> None:
    """Raise PlanError for requests that AWS or Step Functions would reject."""
    problems: list[Problem] = []
    for operation, request in planned.requests.items():
        if operation in KINDS[planned.kind].request.machine_inputs:
            continue
        problems += request_contract.check(operation, request, tokens)
        if operation not in step_functions_fields.BY_SDK:
            problems += step_functions_fields.check(operation, request)
    if problems:
        prefix = f"stages.{planned.name}: "
        raise PlanError(tuple(replace(problem, path=prefix + problem.path) for problem in problems))
