"""The running stages of a plan, in waves of chains, with the gates that decide whether they run.

A gate with `else: stop` or `else: skip` does not fail the run. Stages that depend on it (`gates`) do not run
if it is closed. With `stop`, no further stage starts at all, so each stage also looks at the stopping gates
in other chains of its wave (`watch`). All other stopping gates have ended before it starts, or start after
it.

The failure of an instance (a stage of a list) does not end the run either: only the stages that depend on the
instance do not run. A stage outside the list depends on its instances together (`gathers`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from typing import Any

from stagewright.document.lists import items_of
from stagewright.document.pipeline import Pipeline
from stagewright.errors import PlanError, Problem
from stagewright.naming import stage_of
from stagewright.planner import pages
from stagewright.planner.lanes import Lane, in_lanes
from stagewright.planner.model import Gathered, StagePlan
from stagewright.planner.waves import Wave, waves

CHAIN_LIMIT = pages.LIMIT - 4
"""Maximum bytes of the stages of a chain: a page without the brackets around its only chain."""
MOST_PARTS = 9_999
"""The longest number of a part of a chain."""


def arrange(
    pipeline: Pipeline,
    partition: str,
    needs: Mapping[str, Set[str]],
    stages: Mapping[str, StagePlan],
    most: int,
) -> tuple[tuple[StagePlan, ...], tuple[Wave, ...]]:
    """Return the stages with their gates, and the waves of the stages that run, `most` at the same time.

    Raises PlanError for a stage that no page can hold.
    """
    order = _running_order(pipeline, needs, stages)
    guarded = _with_gates(pipeline, stages, order)
    weights = _weights(pipeline.name, partition, guarded)
    running = [name for name in pipeline.stages if name in weights]
    arranged = _in_lanes(pipeline, waves(running, order, weights, CHAIN_LIMIT), weights, most)
    parts = {
        name: number
        for wave in arranged
        for lane in wave
        if len(lane) > 1
        for number, part in enumerate(lane, 1)
        for name in part
    }
    chains = tuple(tuple(tuple(name for part in lane for name in part) for lane in wave) for wave in arranged)
    watched = (replace(stage, part=parts.get(stage.name, 0)) for stage in _watching(guarded, chains))
    return tuple(watched), chains


def _in_lanes(
    pipeline: Pipeline, arranged: Sequence[Wave], weights: Mapping[str, int], most: int
) -> list[tuple[Lane, ...]]:
    """Return waves of at most `most` lanes, within the limits of the lists."""
    lists = {name: stage.for_each for name, stage in pipeline.stages.items() if stage.for_each}
    limits = {
        name: declared.max_concurrency
        for name, declared in pipeline.lists.items()
        if declared.max_concurrency is not None
    }
    return [lanes for wave in arranged for lanes in in_lanes(wave, lists, limits, most, weights, CHAIN_LIMIT)]


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


def _with_gates(
    pipeline: Pipeline, stages: Mapping[str, StagePlan], order: Mapping[str, Set[str]]
) -> dict[str, StagePlan]:
    """Return the stages, those that run with their gates.

    `watch` is every stopping gate for now, and `part` a large number, so that the weight of a stage is its
    maximum.
    """
    guarded = dict(stages)
    stopping = tuple(name for name, stage in stages.items() if stage.otherwise == "stop")
    for name, stage in stages.items():
        if stage.action != "run":
            continue
        needs = sorted(need for need in order[name] if stages[need].action == "run")
        gates: dict[str, None] = {}
        gathers: dict[Gathered, None] = {}
        for need in needs:
            gathers |= dict.fromkeys(guarded[need].gathers)
            gates |= dict.fromkeys(guarded[need].gates)
            gates |= {need: None} if stages[need].otherwise or pipeline.list_of(need) else {}
        own = pipeline.list_of(name)
        gathers |= dict.fromkeys(_gathered(pipeline, guarded, gates, own))
        guarded[name] = replace(
            stage,
            gates=tuple(gate for gate in gates if pipeline.list_of(gate) in ("", own)),
            gathers=tuple(gathers),
            watch=stopping,
            **_list_fields(pipeline, own),
        )
    return guarded


def _list_fields(pipeline: Pipeline, name: str) -> dict[str, Any]:
    """Return what a stage has because of its list."""
    most = {"part": MOST_PARTS}
    return {"of_list": name, "failures": pipeline.lists[name].max_failures, **most} if name else most


def _gathered(
    pipeline: Pipeline, stages: Mapping[str, StagePlan], gates: Iterable[str], own: str
) -> Iterator[Gathered]:
    """Yield the instances of other lists among the stages whose failure keeps a stage from running."""
    by_list: dict[str, dict[bool, dict[str, None]]] = {}
    for gate in gates:
        name = pipeline.list_of(gate)
        if name and name != own:
            kinds = by_list.setdefault(name, {True: {}, False: {}})
            kinds[bool(stages[gate].otherwise)][stage_of(gate)] = None
    for name, kinds in by_list.items():
        declared = pipeline.lists[name]
        items = len(items_of(declared, pipeline.parameters))
        yield Gathered(tuple(kinds[False]), tuple(kinds[True]), declared.max_failures, items)


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
