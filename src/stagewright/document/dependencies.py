"""Dependencies between stages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stagewright.document.pipeline import Pipeline
from stagewright.document.reference_sites import texts
from stagewright.syntax.references import find_references


def dependencies(pipeline: Pipeline) -> dict[str, frozenset[str]]:
    """Return stage -> the stages that it refers to or names in `after`, in document order.

    Unknown stages are left out. Disabled stages are included: the next run may enable them.
    """
    named: dict[str, set[str]] = {name: set(stage.after) for name, stage in pipeline.stages.items()}
    for path, text, accepts in texts(pipeline):
        if accepts and "${" in text and path[0] == "stages":
            sources = (ref.stage or ref.gathered for ref in find_references(text))
            named[str(path[1])].update(filter(None, sources))
    known = frozenset(named)
    return {name: (known & stages) - {name} for name, stages in named.items()}


def cycles(needs: Mapping[str, frozenset[str]]) -> Iterator[tuple[str, ...]]:
    """Yield disjoint cycles. Each stage of a cycle depends on the next one."""
    remaining = dict(needs)
    while remaining := _blocked(remaining):
        cycle = _one_cycle(remaining)
        yield cycle
        remaining = {name: stages for name, stages in remaining.items() if name not in cycle}


def _blocked(needs: Mapping[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    """Return the stages that can never run: those in a cycle or after one (Kahn's algorithm)."""
    unmet = {name: len(stages & needs.keys()) for name, stages in needs.items()}
    successors: dict[str, list[str]] = {name: [] for name in needs}
    for name, stages in needs.items():
        for predecessor in stages & needs.keys():
            successors[predecessor].append(name)
    ready = [name for name, count in unmet.items() if count == 0]
    while ready:
        finished = ready.pop()
        del unmet[finished]
        for name in successors[finished]:
            unmet[name] -= 1
            if unmet[name] == 0:
                ready.append(name)
    return {name: needs[name] & unmet.keys() for name in needs if name in unmet}


def _one_cycle(blocked: Mapping[str, frozenset[str]]) -> tuple[str, ...]:
    walk = [next(iter(blocked))]
    while (following := min(blocked[walk[-1]])) not in walk:
        walk.append(following)
    cycle = walk[walk.index(following) :]
    first = min(range(len(cycle)), key=lambda index: list(blocked).index(cycle[index]))
    return (*cycle[first:], *cycle[:first])
