"""For each stage of a run: run, reuse or skip, and why.

An enabled stage runs unless `reuse` finds an earlier result for it. A disabled stage does not run: references
to it resolve to its newest good result in the partition, even if its inputs have changed since. A pinned
stage
does not run either: references resolve to its result in one run, which may belong to another partition. Only
a gate rejects such a stale result, because it must not pass a model on the figures of another one.

A stage behind a gate or an approval that is not in force does not run (see `controls`). A run that selects
such a stage by name is rejected.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from sagemaker_rules.table import violations
from stagewright.catalog import request_contract, step_functions_fields
from stagewright.document.controls import evidence, guarded_by
from stagewright.errors import PlanError, Problem
from stagewright.naming import ATTEMPT
from stagewright.planner import (
    approvals,
    controls,
    fingerprint,
    gathering,
    output_locations,
    rendering_limits,
)
from stagewright.planner.model import GoodResult, Recorded, StagePlan, Trigger
from stagewright.planner.reuse import ReuseCase, ReusePolicy
from stagewright.planner.selection import STARTS, Selected
from stagewright.planner.stage_resolver import ResolvedStage, StageResolver
from stagewright.planner.values import event_time
from stagewright.planner.waves import topological
from stagewright.stages.base import job_settings
from stagewright.stages.base.job_settings import JobSettings
from stagewright.stages.base.schema import MOST_ATTEMPTS
from stagewright.stages.registry import KINDS, AnyStage
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
        self.trigger = trigger
        self.controls = controls.controls(selected, trigger.bypass)
        self.guards = guarded_by(needs, self.controls)
        self.reviewed = controls.selected_by_document(selected.pipeline, trigger)
        self.lapsed: dict[str, str] = {}
        """Control that is not in force -> why."""
        self.shut: set[str] = set()
        """Stages that do not run because a control before them is not in force."""
        self.ended: dict[str, str] = {}
        """Stage that does not run -> when its result was made."""
        self.stale: dict[str, str] = {}
        """Stage that does not run -> why no gate may judge by its result."""
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
        if name in self.controls and (why := self._lapse(name, stage, planned)):
            self.lapsed[name] = why

    def _planned(self, name: str, stage: AnyStage) -> StagePlan:
        if name in self.recorded.continued:
            return self._continued(name, stage, self.recorded.continued[name])
        results = self.recorded.results.get(name, ())
        if name in self.trigger.bypass:
            return self._bypassed(name, stage)
        if stage.pin:
            return self._pinned(name, stage)
        return self._enabled(name, stage, results) if stage.enabled else self._disabled(name, stage, results)

    def _continued(self, name: str, stage: AnyStage, result: GoodResult | None) -> StagePlan:
        """Use the result of the continued run: what was approved there is what the waiting stages get."""
        if result:
            return self._reuse(name, stage, result, f"continues run {self.continues}")
        return self._skip_unmet(name, stage, f"did not succeed in run {self.continues}")

    def _skip_unmet(self, name: str, stage: AnyStage, reason: str) -> StagePlan:
        self.unmet.add(name)
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
            self.stale[name] = f"has other inputs: {difference}"
            self.decisions.noted.add(name)
            reason += f" (stale: {difference})"
        elif expired := self.policy.expired(result, stage):
            self.stale[name] = f"does not count: {expired}"
        return self._reuse(name, stage, result, reason)

    def _enabled(self, name: str, stage: AnyStage, results: Sequence[GoodResult]) -> StagePlan:
        if unmet := sorted(self.needs[name] & self.unmet):
            return self._skip_unmet(name, stage, f"{unmet[0]} did not succeed in run {self.continues}")
        lapse = self._lapse_before(name)
        if lapse and not (self.shut | self.waiting.keys()).isdisjoint(self.needs[name]):
            return self._shut(name, stage, *lapse)
        if stage.judges:
            self._reject_stale(name, stage)
        if awaited := sorted(self.needs[name] & self.waiting.keys()):
            return self._wait(name, stage, f"waits for {awaited[0]}", self.waiting[awaited[0]])
        resolved = self.resolver.resolve(name, self.needs[name])
        reason = self._reason(name, stage, resolved, results)
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

    def _reason(
        self, name: str, stage: AnyStage, resolved: ResolvedStage, results: Sequence[GoodResult]
    ) -> str | GoodResult:
        """Return the reason to run, or the result to reuse."""
        if name in self.selected.start:
            return STARTS
        return self._reusable(self.policy, name, stage, resolved, results)

    def _reusable(
        self,
        policy: ReusePolicy,
        name: str,
        stage: AnyStage,
        resolved: ResolvedStage,
        results: Sequence[GoodResult],
    ) -> str | GoodResult:
        """Return the result that the policy reuses, or why there is none.

        A control judged the results of the stages that it depends on, so its own result must not be older.
        """
        running = self.decisions.running
        rerun = [need for need in sorted(self.needs[name]) if need in running]
        if stage.is_control:
            newest = max(self.needs[name] & self.ended.keys(), key=self.ended.__getitem__, default="")
            judged = [result for result in results if result.ended >= self.ended.get(newest, "")]
            if results and not judged and not policy.force:
                return f"{newest} has a newer result"
            results = judged
        return policy.decide(ReuseCase(name, stage, resolved, results, rerun, running))

    def _lapse(self, name: str, stage: AnyStage, planned: StagePlan) -> str:
        """Return why a control is not in force, or "" if it is."""
        if planned.action == "run" or (planned.action == "reuse" and stage.enabled):
            return ""
        if stage.enabled:
            return planned.reason
        if self.recorded.continued.get(name):  # it was in force when the continued run began to wait
            return self.recorded.superseded.get(name, "")
        why = self.selected.why[name]
        stale = [source for source in evidence(stage) if source in self.stale]
        if stale:
            return f"{why}; the result of {stale[0]} {self.stale[stale[0]]}"
        if not self.blocked.isdisjoint(self.needs[name]):
            return why
        try:
            resolved = self.resolver.resolve(name, self.needs[name])
        except PlanError as error:
            return f"{why}; {error.problems[0].message}"
        policy = replace(self.policy, force=False)
        results = self.recorded.results.get(name, ())
        reason = self._reusable(policy, name, stage, resolved, results)
        return "" if isinstance(reason, GoodResult) else f"{why}; {reason.removeprefix(f'{name}: ')}"

    def _lapse_before(self, name: str) -> tuple[str, str] | None:
        """Return a control before the stage that is not in force, and why, or None."""
        lapsed = self.guards[name] & self.lapsed.keys()
        for control in sorted(lapsed, key=lambda control: (control in self.shut, control)):
            if not (self.reviewed and self._uses_results_behind(control, name)):
                return control, self.lapsed[control]
        return None

    def _uses_results_behind(self, control: str, name: str) -> bool:
        """Return whether all that the stage uses was made behind the control."""
        if control in self.needs[name]:
            return False
        behind = [self.decisions.stages[need] for need in self.needs[name] if control in self.guards[need]]
        return all(need.action == "run" or self._made_behind(control, need) for need in behind)

    def _made_behind(self, control: str, planned: StagePlan) -> bool:
        needs, guards, results = self.needs, self.guards, self.recorded.results
        return planned.action == "reuse" and controls.made_behind(
            control, planned.name, planned.inputs, needs, guards, results
        )

    def _shut(self, name: str, stage: AnyStage, control: str, why: str) -> StagePlan:
        """Skip a stage whose control is not in force. Raises PlanError if the run selects it by name."""
        named = "only" if name in self.trigger.only else "from" if name in self.trigger.start else ""
        problem = controls.lapse_problem(named, name, control, why)
        if named:
            raise PlanError((problem,))
        self.shut.add(name)
        self.decisions.noted.add(name)
        reason = f"{problem.message.removeprefix(f'{name} is ')}; {problem.remedy}"
        return StagePlan(name, stage.kind, "skip", reason)

    def _reuse(self, name: str, stage: AnyStage, result: GoodResult, reason: str) -> StagePlan:
        self.ended[name] = result.ended
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
            copies=gathering.copies(stage, self.resolver.values, self.decisions.stages),
            uses=tuple(kind.uses(built.requests, built.timeout, attempts)),
            **_flow_fields(stage),
        )
        _check_requests(planned, built.tokens, self.recorded.jobs)
        self._check_stage(stage, planned)
        return planned

    def _check_stage(self, stage: AnyStage, planned: StagePlan) -> None:
        """Raise PlanError for requests that do not fit together, and outputs that no role may write."""
        kind, recorded, requests = KINDS[stage.kind].request, self.recorded, dict(planned.requests)
        misplaced = output_locations.problems(
            kind.writes(stage, requests),
            kind.writable,
            recorded.installation,
            recorded.jobs.output_locations,
        )
        if problems := [*kind.problems(requests), *misplaced]:
            prefix = f"stages.{planned.name}."
            raise PlanError(tuple(replace(problem, path=prefix + problem.path) for problem in problems))

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
        problems = tuple(
            self._stale_source(name, source) for source in evidence(gate) if source in self.stale
        )
        if problems:
            raise PlanError(problems)

    def _stale_source(self, name: str, source: str) -> Problem:
        pinned = self.pipeline.stages[source].pin
        if pinned:
            state, remedy = f"pinned to run {pinned}, and that", f"remove stages.{source}.pin"
        else:
            state, remedy = f"{self.selected.why[source]}, and its last", f"enable {source}"
        message = f"{source} is {state} result {self.stale[source]}"
        return Problem(f"stages.{name}", message, f"{remedy}, or add --bypass {name} --reason TEXT")


def _flow_fields(stage: AnyStage) -> dict[str, Any]:
    """Return what the state machine does when the stage's condition is false, or an attempt fails."""
    fields: dict[str, Any] = {}
    if stage.else_action != "fail":
        fields["otherwise"] = stage.else_action
    if stage.retry:
        fields |= {"attempts": stage.retry.attempts, "wait": seconds(stage.retry.wait)}
    return fields


def _check_requests(planned: StagePlan, tokens: re.Pattern[str], jobs: JobSettings) -> None:
    """Raise PlanError for requests that AWS, Step Functions or the installation would reject."""
    problems: list[Problem] = []
    for operation, request in planned.requests.items():
        problems += rendering_limits.problems(operation, request)
        if operation in KINDS[planned.kind].request.machine_inputs:
            continue
        problems += request_contract.check(operation, request, tokens)
        problems += [
            Problem(
                f"{operation}.{violation.path}",
                violation.message,
                f"see {violation.rule.name} in docs/sagemaker-rules.md",
            )
            for violation in violations(operation, request)
        ]
        if operation not in step_functions_fields.BY_SDK:
            problems += step_functions_fields.check(operation, request)
        problems += (replace(problem, path=f"{operation}.{problem.path}")
                     for problem in job_settings.problems(operation, request, jobs))  # fmt: skip
    if problems:
        prefix = f"stages.{planned.name}: "
        raise PlanError(tuple(replace(problem, path=prefix + problem.path) for problem in problems))
