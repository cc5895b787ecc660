"""Instances in tables: a long list is one row, followed by the instances that need attention."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Protocol, TypeVar

from stagewright.naming import stage_of

if TYPE_CHECKING:
    from stagewright.planner.model import Plan
    from stagewright.runs.history.records import StageRecord

MOST_LISTED = 5
"""The longest list whose instances all have a row."""
ATTENTION = ("FAILED", "WAITING")
"""Statuses of instances that have a row of their own."""
MOST_ATTENTION = 10
"""The most such rows of one stage."""


class Named(Protocol):
    @property
    def name(self) -> str: ...


Stage = TypeVar("Stage", bound=Named)


def grouped(stages: Iterable[Stage], every: bool = False) -> Iterator[tuple[str, list[Stage]]]:
    """Yield (name, its stages). The instances of a long list are together, under the name of their stage.

    `every`: each instance by itself.
    """
    for base, members in groupby(stages, lambda stage: stage_of(stage.name)):
        together = list(members)
        if len(together) > MOST_LISTED and not every:
            yield base, together
        else:
            yield from ((stage.name, [stage]) for stage in together)


def listed(stages: Iterable[Stage]) -> list[Stage]:
    """Return the stages that are not an instance of a long list."""
    return [members[0] for _, members in grouped(stages) if len(members) == 1]


def needing_attention(members: Iterable[StageRecord]) -> list[StageRecord]:
    """Return the instances that failed or wait for a person, the first ones."""
    return [stage for stage in members if stage.status in ATTENTION][:MOST_ATTENTION]


def counts(words: Iterable[str]) -> str:
    """Return how often each word occurs, as text: `19 SUCCEEDED, 1 FAILED`."""
    return ", ".join(f"{number} {word}" for word, number in Counter(words).most_common())


def one_or_many(texts: Iterable[str], noun: str) -> str:
    """Return the text if all are the same, else their number: `3 reasons`."""
    different = list(dict.fromkeys(filter(None, texts)))
    return different[0] if len(different) == 1 else f"{len(different)} {noun}" if different else ""


def wave_lines(plan: Plan) -> Iterator[str]:
    """Yield a line for each wave: its chains. Chains of a long list are written once."""
    part_of = {stage.name: stage.part for stage in plan.stages}
    for number, wave in enumerate(plan.waves, 1):
        parts = [list(part) for lane in wave for _, part in groupby(lane, part_of.__getitem__)]
        limited = f" ({len(wave)} at the same time)" if len(parts) > len(wave) else ""
        yield f"wave {number}{limited}: " + " | ".join(_chains(parts))


def _chains(parts: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield each chain, or those of a long list together: `train -> register (20 items)`."""
    alike: dict[tuple[str, ...], list[Sequence[str]]] = {}
    for part in parts:
        alike.setdefault(tuple(map(stage_of, part)), []).append(part)
    for bases, chains in alike.items():
        if len(chains) > MOST_LISTED:
            yield f"{' -> '.join(bases)} ({len(chains)} items)"
        else:
            yield from (" -> ".join(chain) for chain in chains)
