"""The running stages of a plan, in waves of chains, with the gates that decide whether they run.

A gate with `else: stop` or `else: skip` does not fail the run. Stages that depend on it (`gates`) do not run
if it is closed. With `stop`, no further stage starts at all, so each stage also looks at the stopping gates
in other chains of its wave (`watch`). All other stopping gates have ended before it starts, or start after
it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import replace

from stagewright.document.pipeline import Pipeline
from stagewright.errors import PlanError, Problem
from stagewright.planner import pages
from stagewright.planner.model import StagePlan
from stagewright.planner.waves import Wave, waves

CHAIN_LIMIT = pages.LIMIT - 4
"""Maximum bytes of the stages of a chain: a page without the brackets around its only chain."""


def arrange(
    pipeline: Pipeline,
    partition: str,
    needs: Mapping[str, Set[str]],
    stages: Mapping[str, StagePlan],
) -> tuple[tuple[StagePlan, ...], tuple[Wave, ...]]:
    """Return the stages with their gates, and the waves of the stages that run.

    Raises PlanError for a stage that no page can hold.
    """
    order = _running_order(pipeline, needs, stages)
    guarded = _with_gates(stages, order)
    weights = _weights(pipeline.name, partition, guarded)
    running = [name for name in pipeline.stages if name in weights]
    arranged = waves(running, order, weights, CHAIN_LIMIT)
    return tuple(_watching(guarded, arranged)), arranged


def _running_order(
    pipeline: Pipeline, needs: Mapping[str, Set[str]], stages: Mapping[str, StagePlan]
) -> dict[str, set[str]]:
    """Return the stages that each one waits for in this run.

    A disabled or pinned stage is replaced by the stages that it depends on.
    """
    order: dict[str, set[str]] = {}
    for name in stages:
        order[name] = set()
        for need in needs[name]:
            omitted = not pipeline.stages[need].enabled or pipeline.stages[need].pin
            order[name] |= order[need] if omitted else {need}
    return order


def _with_gates(stages: Mapping[str, StagePlan], order: Mapping[str, Set[str]]) -> dict[str, StagePlan]:
    """Return the stages, those that run with their gates.

    `watch` is every stopping gate for now, so that the weight of a stage is its maximum.
    """
    guarded = dict(stages)
    stopping = tuple(name for name, stage in stages.items() if stage.otherwise == "stop")
    for name, stage in stages.items():
        if stage.action != "run":
            continue
        gates: dict[str, None] = {}
        for need in sorted(need for need in order[name] if stages[need].action == "run"):
            gates |= dict.fromkeys(guarded[need].gates)
            gates |= {need: None} if stages[need].otherwise else {}
        guarded[name] = replace(stage, gates=tuple(gates), watch=stopping)
    return guarded


def _weights(pipeline: str, partition: str, stages: Mapping[str, StagePlan]) -> dict[str, int]:
    """Return the bytes of each running stage in a page. Raises PlanError with every stage that is too
    large."""
    weights: dict[str, int] = {}
    problems: list[Problem] = []
    for name, stage in stages.items():
        if stage.action == "run":
            try:
                weights[name] = len(pages.stage_json(pipeline, partition, stage).encode()) + 1
            except PlanError as error:
                problems += error.problems
    if problems:
        raise PlanError(tuple(problems))
    return weights


def _watching(stages: Mapping[str, StagePlan], arranged: Sequence[Wave]) -> Iterator[StagePlan]:
    """Yield the stages. Those that run watch only the stopping gates in other chains of their wave."""
    stopping = {name for name, stage in stages.items() if stage.otherwise == "stop"}
    watched: dict[str, tuple[str, ...]] = {}
    for wave in arranged if stopping else ():
        for chain in wave:
            gates = tuple(gate for other in wave if other != chain for gate in other if gate in stopping)
            watched |= dict.fromkeys(chain, gates)
    for name, stage in stages.items():
        yield replace(stage, watch=watched[name]) if stage.watch else stage
