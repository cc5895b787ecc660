"""Which stage waits for which."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stagewright.document.pipeline import Pipeline
from stagewright.document.reference_sites import texts
from stagewright.syntax.references import find_references


def dependencies(pipeline: Pipeline) -> dict[str, frozenset[str]]:
    """Stage -> the stages that it refers to or names in `after`, in document order; without unknown ones.

    Stages that are off are there like any other: what is off now may be on in the next run.
    """
    found: dict[str, set[str]] = {name: set(stage.after) for name, stage in pipeline.stages.items()}
    for path, text, takes in texts(pipeline):
        if takes and "${" in text and path[0] == "stages":
            found[str(path[1])].update(ref.stage for ref in find_references(text) if ref.stage)
    known = frozenset(found)
    return {name: (known & before) - {name} for name, before in found.items()}


def cycles(before: Mapping[str, frozenset[str]]) -> Iterator[tuple[str, ...]]:
    """Each cycle as stages of which each waits for the next; no stage is in two of them."""
    left = dict(before)
    while left := _blocked(left):
        cycle = _one_cycle(left)
        yield cycle
        left = {name: waits for name, waits in left.items() if name not in cycle}


def _blocked(before: Mapping[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    """What is left when all stages have gone that can go, again and again."""
    waiting = {name: len(waits & before.keys()) for name, waits in before.items()}
    after: dict[str, list[str]] = {name: [] for name in before}
    for name, waits in before.items():
        for each in waits & before.keys():
            after[each].append(name)
    free = [name for name, count in waiting.items() if count == 0]
    while free:
        gone = free.pop()
        del waiting[gone]
        for name in after[gone]:
            waiting[name] -= 1
            if waiting[name] == 0:
                free.append(name)
    return {name: before[name] & waiting.keys() for name in before if name in waiting}


def _one_cycle(blocked: Mapping[str, frozenset[str]]) -> tuple[str, ...]:
    walk = [next(iter(blocked))]
    while (following := min(blocked[walk[-1]])) not in walk:
        walk.append(following)
    cycle = walk[walk.index(following) :]
    first = min(range(len(cycle)), key=lambda index: list(blocked).index(cycle[index]))
    return (*cycle[first:], *cycle[:first])
