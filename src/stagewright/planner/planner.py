"""Planning: what a run will do, decided before it starts. Pure. Read this module first.

    step     what it decides                                                          module
    select   which stages the run leaves out                                          selection
    decide   for each stage: run, reuse or skip, the reason, and the exact requests   decisions
    budget   whether the run may use so much                                          cost
    arrange  the running stages in waves of chains, and the gates that each watches   schedule
    limits   whether Step Functions can record the whole run                          history_limits

Planning reads only the document, the trigger and the recorded state. Every step reports all its problems at
once. The same arguments always give the same plan.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from stagewright.document.dependencies import dependencies
from stagewright.document.doubtful_metrics import doubtful_metrics, metrics
from stagewright.document.expansion import with_first_instances
from stagewright.document.pipeline import Pipeline
from stagewright.document.secrets import exposed_secrets, written_values
from stagewright.errors import PlanError
from stagewright.naming import run_id, stage_of
from stagewright.planner import cost, history_limits
from stagewright.planner.decisions import Decisions, decide
from stagewright.planner.model import Plan, Recorded, StagePlan, Trigger
from stagewright.planner.schedule import arrange
from stagewright.planner.selection import select
from stagewright.planner.values import event_time
from stagewright.planner.warnings import missing_metrics, orphaned_endpoints


def plan(pipeline: Pipeline, trigger: Trigger, recorded: Recorded, force: bool = False) -> Plan:
    """Return the plan of the run that `trigger` starts.

    `pipeline` has the parameters of the run, and its lists are expanded. `force` runs every enabled stage.
    Raises PlanError with every problem.
    """
    selected = select(pipeline, trigger.selection)
    needs = dependencies(pipeline)
    run = run_id(recorded.installation, pipeline.name, trigger.key, event_time(trigger))

    named = replace(trigger, **vars(trigger.selection.of_instances(pipeline)))
    decisions = decide(selected, needs, named, recorded, run, force)
    priced = cost.priced(decisions.stages, pipeline.budget, recorded.prices)
    problems = [*decisions.problems, *cost.over_budget(pipeline.budget, priced.values())]
    if problems:
        raise PlanError(tuple(dict.fromkeys(problems)))
    most = min(pipeline.max_concurrency, recorded.jobs.max_concurrency or pipeline.max_concurrency)
    stages, waves = arrange(selected.pipeline, decisions.partition, needs, priced, most)

    planned = Plan(
        run=run,
        pipeline=pipeline.name,
        partition=decisions.partition,
        trigger=trigger,
        release=recorded.release.digest,
        revision=recorded.revision,
        stages=stages,
        waves=waves,
        currency=cost.currency(pipeline.budget, recorded),
        prices_of=str(recorded.prices.date) if recorded.prices else "",
    )
    if problems := list(history_limits.problems(planned)):
        raise PlanError(tuple(problems))
    return replace(planned, warnings=tuple(_warnings(selected.pipeline, planned, decisions, recorded)))


def _warnings(pipeline: Pipeline, planned: Plan, decisions: Decisions, recorded: Recorded) -> Iterator[str]:
    yield from _notes(stage for stage in planned.stages if stage.name in decisions.noted)
    yield from missing_metrics(pipeline, decisions.running, recorded.results)
    yield from orphaned_endpoints(planned.stages, recorded.results)
    written = with_first_instances(pipeline)
    yield from map(str, exposed_secrets(written_values(written)))
    yield from map(str, doubtful_metrics(metrics(written)))
    yield from history_limits.warnings(planned)
    if recorded.prices:
        yield from cost.old_prices(recorded.prices, event_time(planned.trigger).date())


def _notes(stages: Iterable[StagePlan]) -> Iterator[str]:
    """Yield the reasons of stages. Instances of a stage with the same reason have one note."""
    notes: dict[tuple[str, str], list[str]] = {}
    for stage in stages:
        notes.setdefault((stage_of(stage.name), stage.reason), []).append(stage.name)
    for (base, reason), names in notes.items():
        yield f"{names[0] if len(names) == 1 else f'{base} ({len(names)} items)'}: {reason}"
