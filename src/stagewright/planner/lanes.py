"""Lanes: the chains of a wave, arranged so that no more than a limit of them run at the same time.

A lane is a chain of chains: it runs its parts one after another. A part that fails, or that a gate closes,
ends, and the next part starts. Without a limit that matters, each chain has a lane of its own.

Lanes whose stages exceed a page are cut, and the rest runs in a following wave.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from stagewright.planner.waves import Chain, Wave

Lane = tuple[Chain, ...]
"""Chains that run one after another."""


def in_lanes(
    wave: Wave,
    lists: Mapping[str, str],
    limits: Mapping[str, int],
    most: int,
    weights: Mapping[str, int],
    room: int,
) -> Iterator[tuple[Lane, ...]]:
    """Yield the waves of lanes that run the chains of `wave`.

    Args:
        lists: Stage -> its list, for the stages that belong to one.
        limits: List -> the most of its chains at the same time. Other lists have no limit of their own.
        most: The most chains at the same time.
        weights: Stage -> bytes in a page.
        room: The most bytes of a lane in one wave.
    """
    groups: dict[str, list[Lane]] = {}
    for chain in wave:
        name = next((lists[stage] for stage in chain if stage in lists), "")
        groups.setdefault(name if name in limits else "", []).append((chain,))
    lanes = [lane for name, group in groups.items() for lane in _dealt(group, limits.get(name, len(group)))]
    rest = _dealt(lanes, most)
    while rest:
        cuts = [_cut(lane, weights, room) for lane in rest]
        yield tuple(first for first, _ in cuts)
        rest = [after for _, after in cuts if after]


def _dealt(lanes: Sequence[Lane], most: int) -> list[Lane]:
    """Return at most `most` lanes, with the parts of all. Each lane gets every `most`th one, in order."""
    count = min(most, len(lanes))
    return [tuple(part for lane in lanes[index::count] for part in lane) for index in range(count)]


def _cut(lane: Lane, weights: Mapping[str, int], room: int) -> tuple[Lane, Lane]:
    """Return the parts that fit into a page, at least one, and the parts after them."""
    total = 0
    for index, part in enumerate(lane):
        total += sum(weights[name] for name in part)
        if index and total > room:
            return lane[:index], lane[index:]
    return lane, ()
