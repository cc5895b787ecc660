"""From dependencies to waves of chains.

A *chain* is a maximal run of stages that follow one another with nothing branching; it is walked one stage
after another. The chains of one *wave* run side by side, and a wave starts when the wave before has ended.

1. Edges that longer paths imply are dropped (transitive reduction), so that a stage which reads from two
   stages of its own chain does not break that chain.
2. A stage joins the chain of its only predecessor if it is that stage's only successor.
3. A chain's wave is the longest path of chains that leads to it: it starts as early as it can. So there are
   no more barriers than the longest path has branchings, and none inside a chain: two independent linear
   pipelines are two chains of one wave, a diamond is three waves.

A chain heavier than `limit` is cut where it would exceed it; what is left becomes a chain that follows it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from graphlib import TopologicalSorter

Chain = tuple[str, ...]
Wave = tuple[Chain, ...]
Edges = Mapping[str, Collection[str]]


def waves(
    order: Sequence[str], dependencies: Edges, weights: Mapping[str, int] | None = None, limit: int = 0
) -> tuple[Wave, ...]:
    """Waves of the stages in `order` (document order, which also orders the chains within a wave).

    Dependencies on stages that are not in `order` count as met. `weights` are bytes per stage; `limit` is the
    most bytes that one chain may have (0: no limit). graphlib.CycleError when the dependencies have a cycle.
    """
    rank = {name: index for index, name in enumerate(order)}
    reduced = reduction(order, dependencies)
    chains = [part for chain in _chains(reduced) for part in _cut(chain, weights or {}, limit)]
    levels = _levels(chains, reduced)
    grouped: list[list[Chain]] = [[] for _ in range(max(levels, default=-1) + 1)]
    for level, chain in sorted(zip(levels, chains, strict=True), key=lambda pair: rank[pair[1][0]]):
        grouped[level].append(chain)
    return tuple(tuple(wave) for wave in grouped)


def topological(order: Sequence[str], dependencies: Edges) -> tuple[str, ...]:
    """`order`, each stage after those it depends on; the same for the same arguments."""
    known = set(order)
    rank = {name: index for index, name in enumerate(order)}
    met = {
        name: sorted(known.intersection(dependencies.get(name, ())), key=rank.__getitem__) for name in order
    }
    return tuple(TopologicalSorter(met).static_order())


def reduction(order: Sequence[str], dependencies: Edges) -> dict[str, tuple[str, ...]]:
    """The predecessors of each stage that no longer path implies, in topological order."""
    known = set(order)
    sequence = topological(order, dependencies)
    bit = {name: 1 << index for index, name in enumerate(sequence)}
    above: dict[str, int] = {}
    reduced: dict[str, tuple[str, ...]] = {}
    for name in sequence:
        direct = known.intersection(dependencies.get(name, ()))
        implied = 0
        for predecessor in direct:
            implied |= above[predecessor]
        reduced[name] = tuple(sorted((p for p in direct if not implied & bit[p]), key=bit.__getitem__))
        above[name] = implied
        for predecessor in direct:
            above[name] |= bit[predecessor]
    return reduced


def _chains(reduced: Mapping[str, tuple[str, ...]]) -> list[Chain]:
    """In topological order of their first stages."""
    successors: dict[str, int] = dict.fromkeys(reduced, 0)
    for before in reduced.values():
        for predecessor in before:
            successors[predecessor] += 1
    chains: list[list[str]] = []
    home: dict[str, list[str]] = {}
    for name, before in reduced.items():
        if len(before) == 1 and successors[before[0]] == 1:
            home[name] = home[before[0]]
        else:
            home[name] = []
            chains.append(home[name])
        home[name].append(name)
    return [tuple(chain) for chain in chains]


def _cut(chain: Chain, weights: Mapping[str, int], limit: int) -> list[Chain]:
    parts: list[list[str]] = [[]]
    total = 0
    for name in chain:
        weight = weights.get(name, 0)
        if limit and parts[-1] and total + weight > limit:
            parts.append([])
            total = 0
        parts[-1].append(name)
        total += weight
    return [tuple(part) for part in parts]


def _levels(chains: Sequence[Chain], reduced: Mapping[str, tuple[str, ...]]) -> list[int]:
    level: dict[str, int] = {}
    levels = []
    for chain in chains:
        wave = max((level[predecessor] + 1 for predecessor in reduced[chain[0]]), default=0)
        level.update(dict.fromkeys(chain, wave))
        levels.append(wave)
    return levels
