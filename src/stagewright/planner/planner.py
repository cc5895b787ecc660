"""What a run will do: for each stage run, reuse or skip, why, and the exact requests. Pure.

`reuse` says when a result is used again. A stage that is off never runs. References to it resolve to its
newest good result in the partition, whatever its fingerprint; what depends on it is fingerprinted with the
fingerprint of that result. A stage that is pinned is the same with the result of one run, which may be of
another partition. A gate alone refuses a result that is not of what it would judge.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from stagewright.catalog import request_contract, step_functions_fields
from stagewright.document.dependencies import dependencies
from stagewright.document.pipeline import Pipeline
from stagewright.document.secrets import environments, exposed_secrets
from stagewright.errors import PlanError, Problem
from stagewright.naming import ATTEMPT, run_id
from stagewright.planner import approvals, cost, fingerprint, history_limits, pages
from stagewright.planner import waves as graph
from stagewright.planner.model import GoodResult, Plan, Recorded, StagePlan, Trigger
from stagewright.planner.reuse import Case, Judge
from stagewright.planner.selection import STARTS, select
from stagewright.planner.stage_resolver import Prepared, Preparer
from stagewright.planner.values import event_time
from stagewright.planner.warnings import doubts, orphaned_endpoints
from stagewright.stages.base.schema import MOST_ATTEMPTS
from stagewright.stages.registry import KINDS, AnyStage
from stagewright.syntax.condition import references
from stagewright.syntax.durations import seconds


def plan(pipeline: Pipeline, trigger: Trigger, recorded: Recorded, force: bool = False) -> Plan:
    """The plan of the run that `trigger` starts. `pipeline` has the run's parameters; what it has on and the
    trigger leaves out is off. `force` runs all that is on.

    PlanError carries everything that stands in the way.
    """
    return _Planner(pipeline, trigger, recorded, force).plan()


class _Planner:
    """Decides stage by stage, each after those it waits for."""

    def __init__(self, pipeline: Pipeline, trigger: Trigger, recorded: Recorded, force: bool) -> None:
        self.selected = select(pipeline, trigger.selection)
        self.pipeline = pipeline = self.selected.pipeline
        self.trigger = trigger
        self.recorded = recorded
        self.judge = Judge(event_time(trigger), force, recorded.champion, recorded.superseded)
        self.run = run_id(recorded.installation, pipeline.name, trigger.key, event_time(trigger))
        self.needs = dependencies(pipeline)
        self.preparer = Preparer(pipeline, trigger, recorded, self.run)
        self.planned: dict[str, StagePlan] = {}
        self.running: set[str] = set()
        self.stale: dict[str, str] = {}
        self.noted: set[str] = set()
        self.blocked: set[str] = set()
        self.waiting: set[str] = set()
        self.problems: list[Problem] = []

    def plan(self) -> Plan:
        for name in graph.topological(list(self.pipeline.stages), self.needs):
            try:
                self._one(name)
            except PlanError as error:
                self.blocked.add(name)
                self.problems += error.problems
        if self.pipeline.budget:
            running = [(stage.name, stage.uses) for stage in self.planned.values()]
            self.problems += cost.over(self.pipeline.budget, running)
        waves = self._waves() if not self.problems else ()
        if self.problems:
            raise PlanError(tuple(dict.fromkeys(self.problems)))
        stages = tuple(self._watching(waves))
        made = Plan(
            run=self.run,
            pipeline=self.pipeline.name,
            partition=self.preparer.partition,
            trigger=self.trigger,
            release=self.recorded.release.digest,
            revision=self.recorded.revision,
            stages=stages,
            waves=waves,
            warnings=(
                *(f"{each.name}: {each.reason}" for each in stages if each.name in self.noted),
                *doubts(self.pipeline, self.running, self.recorded.results),
                *orphaned_endpoints(stages, self.recorded.results),
                *map(str, exposed_secrets(environments(self.pipeline))),
            ),
        )
        if endless := tuple(history_limits.refused(made)):
            raise PlanError(endless)
        return replace(made, warnings=(*made.warnings, *history_limits.warnings(made)))

    def _one(self, name: str) -> None:
        stage = self.pipeline.stages[name]
        if not stage.enabled or stage.pin or self.blocked.isdisjoint(self.needs[name]):
            self.planned[name] = self._stage(name)
            return
        self.blocked.add(name)
        self.preparer.sources(name)

    def _stage(self, name: str) -> StagePlan:
        stage = self.pipeline.stages[name]
        good = self.recorded.results.get(name, ())
        if stage.pin:
            planned = self._pinned(name, stage)
        else:
            planned = self._on(name, stage, good) if stage.enabled else self._off(name, stage, good)
        self.preparer.planned(planned)
        if planned.action == "run":
            self.running.add(name)
        return planned

    def _pinned(self, name: str, stage: AnyStage) -> StagePlan:
        pinned = self.recorded.pinned[name]
        if pinned.result is None:
            raise PlanError((Problem(f"stages.{name}.pin", pinned.problem, "pin another run, or none"),))
        elsewhere = pinned.partition != self.preparer.partition
        where = f" of partition {pinned.partition}" if elsewhere else ""
        return self._standing(name, stage, pinned.result, f"pinned to run {stage.pin}{where}")

    def _off(self, name: str, stage: AnyStage, good: Sequence[GoodResult]) -> StagePlan:
        if not good:
            return StagePlan(name, stage.kind, "skip", self.selected.why[name])
        reason = f"{self.selected.why[name]}; uses the result of run {good[0].run}"
        return self._standing(name, stage, good[0], reason)

    def _standing(self, name: str, stage: AnyStage, result: GoodResult, reason: str) -> StagePlan:
        """A result that stands for a stage, whatever went in now."""
        current = result.inputs
        if self.blocked.isdisjoint(self.needs[name]):
            with suppress(PlanError):
                current = self.preparer.prepare(name, self.needs[name]).inputs
        if difference := fingerprint.explain(result.inputs, current, self.running):
            self.stale[name] = difference
            self.noted.add(name)
            reason += f" (stale: {difference})"
        return _reused(name, stage, result, reason)

    def _on(self, name: str, stage: AnyStage, good: Sequence[GoodResult]) -> StagePlan:
        if stage.judges:
            self._refuse_stale(name, stage)
        if held := sorted(self.needs[name] & self.waiting):
            return self._wait(name, stage, f"waits for {held[0]}")
        prepared = self.preparer.prepare(name, self.needs[name])
        again = [need for need in sorted(self.needs[name]) if need in self.running]
        reason: str | GoodResult = STARTS
        if name not in self.selected.start:
            reason = self.judge.why(Case(name, stage, prepared, good, again, self.running))
        if isinstance(reason, GoodResult):
            return _reused(name, stage, reason, self._same(name, reason))
        if approvals.waits(self.pipeline, name, self.needs, self.planned, self.recorded.approvals):
            return self._wait(name, stage, approvals.WAITS)
        if prepared.lacks_champion:
            reason += "; no champion yet"
        return self._run(name, stage, reason, prepared)

    def _same(self, name: str, result: GoodResult) -> str:
        if not result.rolled_back:
            return f"same as run {result.run}"
        self.noted.add(name)
        return f"{result.rolled_back}; the same is not deployed again, --from {name} deploys it"

    def _run(self, name: str, stage: AnyStage, reason: str, prepared: Prepared) -> StagePlan:
        if stage.cache is not True or name in self.selected.start:
            prepared = replace(prepared, inputs={**prepared.inputs, fingerprint.UNCACHED: self.run})
        kind = KINDS[stage.kind].request
        name_of = kind.job_name
        job = (
            _every_job(name_of(self.run, name, MOST_ATTEMPTS)) if stage.retry else name_of(self.run, name, 1)
        )
        made = self.preparer.make(name, job, prepared.bundle)
        planned = StagePlan(
            name,
            stage.kind,
            "run",
            reason,
            fingerprint=prepared.fingerprint,
            inputs=prepared.inputs,
            job=job,
            timeout=made.timeout,
            requests=made.requests,
            bindings=made.bindings,
            outputs=made.outputs,
            metrics=made.metrics,
            bundle=prepared.bundle,
            uses=tuple(kind.uses(made.requests, made.timeout, stage.retry.attempts if stage.retry else 1)),
            **_settings(stage),
        )
        _check(planned)
        return planned

    def _wait(self, name: str, stage: AnyStage, reason: str) -> StagePlan:
        self.waiting.add(name)
        return StagePlan(name, stage.kind, "skip", reason)

    def _refuse_stale(self, name: str, gate: AnyStage) -> None:
        """A gate must not let a model pass by figures of another one."""
        sources = dict.fromkeys(reference.stage for reference in references(gate.condition))
        problems = tuple(
            Problem(
                f"stages.{name}",
                f"{source} is {self._state(source)} is of something else: {self.stale[source]}",
                f"{self._mended(source)}, or switch {name} off",
            )
            for source in sources
            if source in self.stale
        )
        if problems:
            raise PlanError(problems)

    def _mended(self, source: str) -> str:
        pinned = self.pipeline.stages[source].pin
        return f"take stages.{source}.pin off" if pinned else f"switch {source} on"

    def _state(self, source: str) -> str:
        pinned = self.pipeline.stages[source].pin
        why = f"pinned to run {pinned}, and that" if pinned else f"{self.selected.why[source]}, and its last"
        return f"{why} result"

    def _waves(self) -> tuple[graph.Wave, ...]:
        running = [name for name in self.pipeline.stages if name in self.running]
        order = self._order()
        self._mark(order)
        weights = {name: self._weight(name) for name in running}
        return graph.waves(running, order, weights, pages.LIMIT - 4)

    def _mark(self, order: Mapping[str, set[str]]) -> None:
        """Each running stage with the gates that it depends on; for now it watches all, to be weighed so."""
        stops = tuple(name for name, stage in self.planned.items() if stage.otherwise == "stop")
        for name in [name for name in self.planned if name in self.running]:
            found: dict[str, None] = {}
            for need in sorted(order[name] & self.running):
                found |= dict.fromkeys(self.planned[need].gates)
                found |= {need: None} if self.planned[need].otherwise else {}
            self.planned[name] = replace(self.planned[name], gates=tuple(found), watch=stops)

    def _watching(self, waves: Sequence[graph.Wave]) -> Iterator[StagePlan]:
        """The stages; those that run watch the gates beside them, since all others are over or not begun."""
        stops = {name for name, stage in self.planned.items() if stage.otherwise == "stop"}
        beside = (
            {
                name: tuple(gate for other in wave if other != chain for gate in other if gate in stops)
                for wave in waves
                for chain in wave
                for name in chain
            }
            if stops
            else {}
        )
        for name, stage in self.planned.items():
            yield replace(stage, watch=beside[name]) if stage.watch else stage

    def _order(self) -> dict[str, set[str]]:
        """What each stage waits for in this run; a stage that is off stands for those it would have waited
        for."""
        order: dict[str, set[str]] = {}
        for name in self.planned:
            order[name] = set()
            for need in self.needs[name]:
                off = not self.pipeline.stages[need].enabled or self.pipeline.stages[need].pin
                order[name] |= order[need] if off else {need}
        return order

    def _weight(self, name: str) -> int:
        try:
            text = pages.stage_json(self.pipeline.name, self.preparer.partition, self.planned[name])
        except PlanError as error:
            self.problems += error.problems
            return 0
        return len(text.encode()) + 1


def _reused(name: str, stage: AnyStage, good: GoodResult, reason: str) -> StagePlan:
    return StagePlan(
        name,
        stage.kind,
        "reuse",
        reason,
        fingerprint=good.fingerprint,
        inputs=good.inputs,
        result=good.result,
        reused_from=good.run,
    )


def _every_job(last: str) -> str:
    """The name of the last attempt's job with the attempt left open."""
    return last.removesuffix(str(MOST_ATTEMPTS)) + ATTEMPT


def _settings(stage: AnyStage) -> dict[str, Any]:
    """What the state machine is told of the stage beside its requests."""
    found: dict[str, Any] = {}
    if stage.else_action != "fail":
        found["otherwise"] = stage.else_action
    if stage.retry:
        found |= {"attempts": stage.retry.attempts, "wait": seconds(stage.retry.wait)}
    return found


def _check(planned: StagePlan) -> None:
    """PlanError for what AWS or Step Functions would refuse."""
    found: list[Problem] = []
    for operation, request in planned.requests.items():
        if operation in KINDS[planned.kind].request.machine_inputs:
            continue
        found += request_contract.check(operation, request)
        if operation not in step_functions_fields.BY_SDK:
            found += step_functions_fields.check(operation, request)
    if found:
        prefix = f"stages.{planned.name}: "
        raise PlanError(tuple(replace(problem, path=prefix + problem.path) for problem in found))
