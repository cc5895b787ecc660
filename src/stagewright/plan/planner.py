"""What a run will do: for each stage run, reuse or skip, why, and the exact requests. Pure.

When a result is used again. A result is identified by what went in (see `fingerprint`), so a stage whose
fingerprint has a good result is not run, even when a stage before it has to run because its own result is
gone: the same would go in. Some kinds point at another stage's result instead of having content of their
own (gate, register, approval, endpoint): they also run when a stage that they wait for runs. Where a result
lives in a place that a later run overwrites (endpoint, outputs at a URI of one's own), only the newest good
result counts.

A stage that is off never runs. References to it resolve to its newest good result in the partition,
whatever its fingerprint; what depends on it is fingerprinted with the fingerprint of that result. A gate
alone refuses a result that is not of what it would judge.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from stagewright.errors import PlanError, Problem
from stagewright.naming import job_name, run_id
from stagewright.plan import contract, cost, fingerprint, graph, integration, pages
from stagewright.plan.external import external_inputs
from stagewright.plan.model import GoodResult, Plan, Recorded, StagePlan, Trigger
from stagewright.plan.prepared import Prepared, Preparer
from stagewright.plan.requests import KINDS, OURS
from stagewright.plan.values import event_time
from stagewright.spec.checks import dependencies
from stagewright.spec.condition import conditions
from stagewright.spec.kinds import AnyStage, Endpoint, Gate
from stagewright.spec.pipeline import Pipeline
from stagewright.spec.references import Reference

__all__ = ["external_inputs", "plan"]


def plan(pipeline: Pipeline, trigger: Trigger, recorded: Recorded, force: bool = False) -> Plan:
    """The plan of the run that `trigger` starts. `pipeline` has the run's parameters; `force` runs all that
    is on.

    PlanError carries everything that stands in the way.
    """
    return _Planner(pipeline, trigger, recorded, force).plan()


class _Planner:
    """Decides stage by stage, each after those it waits for."""

    def __init__(self, pipeline: Pipeline, trigger: Trigger, recorded: Recorded, force: bool) -> None:
        self.pipeline = pipeline
        self.trigger = trigger
        self.recorded = recorded
        self.force = force
        self.run = run_id(pipeline.name, trigger.key, event_time(trigger))
        self.needs = dependencies(pipeline)
        self.preparer = Preparer(pipeline, trigger, recorded, self.run)
        self.planned: dict[str, StagePlan] = {}
        self.running: set[str] = set()
        self.stale: dict[str, str] = {}
        self.blocked: set[str] = set()
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
        stages = tuple(self.planned.values())
        return Plan(
            run=self.run,
            pipeline=self.pipeline.name,
            partition=self.preparer.partition,
            trigger=self.trigger,
            release=self.recorded.release.digest,
            revision=self.recorded.revision,
            stages=stages,
            waves=waves,
            warnings=tuple(f"{stage.name}: {stage.reason}" for stage in stages if "(stale: " in stage.reason),
        )

    def _one(self, name: str) -> None:
        if self.blocked.isdisjoint(self.needs[name]):
            self.planned[name] = self._stage(name)
            return
        self.blocked.add(name)
        if self.pipeline.stages[name].enabled:
            self.preparer.sources(name)

    def _stage(self, name: str) -> StagePlan:
        stage = self.pipeline.stages[name]
        good = self.recorded.results.get(name, ())
        planned = self._on(name, stage, good) if stage.enabled else self._off(name, stage, good)
        self.preparer.planned(planned)
        if planned.action == "run":
            self.running.add(name)
        return planned

    def _off(self, name: str, stage: AnyStage, good: Sequence[GoodResult]) -> StagePlan:
        if not good:
            return StagePlan(name, stage.kind, "skip", "off")
        last = good[0]
        reason = f"off; uses the result of run {last.run}"
        try:
            current = self.preparer.prepare(name, self.needs[name]).inputs
        except PlanError:
            current = last.inputs
        if difference := fingerprint.explain(last.inputs, current, self.running):
            self.stale[name] = difference
            reason += f" (stale: {difference})"
        return _reused(name, stage, last, reason)

    def _on(self, name: str, stage: AnyStage, good: Sequence[GoodResult]) -> StagePlan:
        if isinstance(stage, Gate):
            self._refuse_stale(name, stage)
        prepared = self.preparer.prepare(name, self.needs[name])
        reason = self._why(name, stage, prepared, good)
        if isinstance(reason, GoodResult):
            return _reused(name, stage, reason, f"same as run {reason.run}")
        job = job_name(self.run, name)
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
            uses=cost.uses(made.requests, made.timeout, stage.retry.attempts if stage.retry else 1),
        )
        _check(planned)
        return planned

    def _refuse_stale(self, name: str, gate: Gate) -> None:
        """A gate must not let a model pass by figures of another one."""
        operands = (operand for each in conditions(gate.require) for operand in each.operands)
        sources = dict.fromkeys(operand.stage for operand in operands if isinstance(operand, Reference))
        problems = tuple(
            Problem(
                f"stages.{name}",
                f"{source} is off, and its last result is of something else: {self.stale[source]}",
                f"switch {source} on, or {name} off",
            )
            for source in sources
            if source in self.stale
        )
        if problems:
            raise PlanError(problems)

    def _why(
        self, name: str, stage: AnyStage, prepared: Prepared, good: Sequence[GoodResult]
    ) -> str | GoodResult:
        """Why the stage runs, or the result that makes it needless."""
        if self.force:
            return "forced"
        if not good:
            return "no earlier result"
        candidates = good[:1] if _overwritten(stage) else good
        again = [need for need in sorted(self.needs[name]) if need in self.running]
        same = next((each for each in candidates if each.fingerprint == prepared.fingerprint), None)
        if same and not (again and KINDS[stage.kind].points):
            return same
        difference = fingerprint.explain(good[0].inputs, prepared.inputs, self.running)
        return f"{name}: {difference or f'{again[0]} runs again'}"

    def _waves(self) -> tuple[graph.Wave, ...]:
        running = [name for name in self.pipeline.stages if name in self.running]
        weights = {name: self._weight(name) for name in running}
        return graph.waves(running, self._order(), weights, pages.LIMIT - 4)

    def _order(self) -> dict[str, set[str]]:
        """What each stage waits for in this run; a stage that is off stands for those it would have waited
        for."""
        order: dict[str, set[str]] = {}
        for name in self.planned:
            order[name] = set()
            for need in self.needs[name]:
                off = not self.pipeline.stages[need].enabled
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


def _overwritten(stage: AnyStage) -> bool:
    """Whether a later run puts its result where this stage's result was."""
    return isinstance(stage, Endpoint) or (isinstance(getattr(stage, "outputs", None), Mapping))


def _check(planned: StagePlan) -> None:
    """PlanError for what AWS or Step Functions would refuse."""
    found: list[Problem] = []
    for operation, request in planned.requests.items():
        if operation not in OURS:
            found += contract.check(operation, request)
            found += integration.check(operation, request)
    if found:
        prefix = f"stages.{planned.name}: "
        raise PlanError(tuple(replace(problem, path=prefix + problem.path) for problem in found))
