"""Instances in tables: a long list is one row, followed by the instances that need attention."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Protocol, TypeVar

from stagewright.naming import item_of, stage_of

if TYPE_CHECKING:
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


def parts_of(waves: Sequence[Sequence[Sequence[str]]]) -> Iterator[str]:
    """Yield a line for each wave: its chains. Chains of a long list are written once."""
    for number, wave in enumerate(waves, 1):
        parts = [part for lane in wave for part in _parts(lane)]
        times = Counter(tuple(map(stage_of, part)) for part in parts)
        chains: dict[str, None] = {}
        for part in parts:
            bases = tuple(map(stage_of, part))
            is_long = item_of(part[0]) and times[bases] > MOST_LISTED
            text = " -> ".join(bases if is_long else part)
            chains[f"{text} ({times[bases]} items, {len(wave)} at the same time)" if is_long else text] = None
        yield f"wave {number}: " + " | ".join(chains)


def _parts(lane: Sequence[str]) -> Iterator[list[str]]:
    """Yield the stages of a lane that belong together: those of one item, or those without a list."""
    for _, names in groupby(lane, item_of):
        yield list(names)
