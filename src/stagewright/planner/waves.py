"""Waves of chains.

A *chain* is a sequence of stages without branches; its stages run one after another. A *wave* is a set of
chains that run in parallel. A wave starts when the previous wave has ended.

1. Drop edges that longer paths imply (transitive reduction). A stage that depends on two stages of its own
   chain then does not break the chain.
2. A stage joins the chain of its only predecessor if it is that stage's only successor.
3. The wave of a chain is the length of the longest path of chains that leads to it, so that it starts as
   early as possible. Two independent linear pipelines are two chains of one wave; a diamond has three waves.

A chain that exceeds the limit is cut. The remainder becomes a chain of a following wave.
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
    """Return the waves of the stages in `order`.

    `order` is the document order, and also orders the chains of a wave. Dependencies on other stages count as
    met. `weights`: bytes per stage. `limit`: maximum bytes of a chain, or 0 for no limit. Raises
    graphlib.CycleError if the dependencies have a cycle.
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
    """Return `order` with each stage after those it depends on. The result is deterministic."""
    known = set(order)
    rank = {name: index for index, name in enumerate(order)}
    met = {
        name: sorted(known.intersection(dependencies.get(name, ())), key=rank.__getitem__) for name in order
    }
    return tuple(TopologicalSorter(met).static_order())


def reduction(order: Sequence[str], dependencies: Edges) -> dict[str, tuple[str, ...]]:
    """Return the transitive reduction: stage -> direct predecessors, in topological order."""
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
    """Return the chains in topological order of their first stages."""
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
