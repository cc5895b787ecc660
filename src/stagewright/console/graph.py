"""The graph of a run: where each stage stands, and the lines between them, in pixels.

A stage stands one column right of the last stage that it depends on. Within a column, stages are sorted by
the mean row of those, which keeps lines short (the barycenter step of Sugiyama's method).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from stagewright.naming import item_of, stage_of
from stagewright.runs.history.records import StageRecord

WIDTH, HEIGHT = 158, 54
COLUMN_GAP, ROW_GAP = 34, 18
MARGIN = 8
TITLE = 17
"""Characters of a title that fit into a box."""
MOST_IN_COLUMN = 12
"""A column with more stages has one box for all of one list, or of one kind, with the same status."""


@dataclass(frozen=True)
class Box:
    """One stage, or several of one list or kind and of one status. `x`, `y`: its upper left corner."""

    stages: tuple[StageRecord, ...]
    x: int
    y: int

    @property
    def status(self) -> str:
        return self.stages[0].status

    @property
    def kind(self) -> str:
        return self.stages[0].kind

    @property
    def title(self) -> str:
        first, count = self.stages[0], len(self.stages)
        shared = stage_of(first.name) if item_of(first.name) else f"{self.kind} stages"
        text = first.name if count == 1 else f"{count} {shared}"
        return text if len(text) <= TITLE else f"{text[: TITLE - 1]}…"

    @property
    def tooltip(self) -> str:
        """Names and reason, as a browser shows them over the box."""
        return f"{', '.join(stage.name for stage in self.stages)}: {self.stages[0].reason}"


@dataclass(frozen=True)
class Graph:
    """Boxes and the curves between them (SVG path data), and the size of the picture."""

    boxes: tuple[Box, ...]
    lines: tuple[str, ...]
    width: int
    height: int


def graph_of(stages: Sequence[StageRecord], needs: Mapping[str, frozenset[str]]) -> Graph:
    """Lay out stages. `needs`: stage -> the stages that it depends on."""
    boxes: list[Box] = []
    box_of: dict[str, Box] = {}
    for number, column in enumerate(_columns(stages, needs)):
        ordered = sorted(column, key=lambda group: _mean_row(group, needs, box_of))
        for row, group in enumerate(ordered):
            x, y = MARGIN + number * (WIDTH + COLUMN_GAP), MARGIN + row * (HEIGHT + ROW_GAP)
            boxes.append(Box(group, x, y))
            box_of |= dict.fromkeys((stage.name for stage in group), boxes[-1])
    width = max((box.x + WIDTH for box in boxes), default=0) + MARGIN
    height = max((box.y + HEIGHT for box in boxes), default=0) + MARGIN
    return Graph(tuple(boxes), tuple(_lines(needs, box_of)), width, height)


def _columns(
    stages: Sequence[StageRecord], needs: Mapping[str, frozenset[str]]
) -> Iterator[list[tuple[StageRecord, ...]]]:
    """Yield the groups of stages of each column, the first column first."""
    depths = _depths([stage.name for stage in stages], needs)
    by_depth = sorted(stages, key=lambda stage: depths[stage.name])
    for _, members in groupby(by_depth, key=lambda stage: depths[stage.name]):
        column = list(members)
        if len(column) <= MOST_IN_COLUMN:
            yield [(stage,) for stage in column]
        else:
            alike = sorted(column, key=_shared)
            yield [tuple(group) for _, group in groupby(alike, key=_shared)]


def _shared(stage: StageRecord) -> tuple[str, str, str]:
    """What the stages of a box have in common."""
    return stage_of(stage.name) if item_of(stage.name) else "", stage.kind, stage.status


def _depths(names: Sequence[str], needs: Mapping[str, frozenset[str]]) -> dict[str, int]:
    """Stage -> the number of stages on the longest way to it. A stored document has no cycle."""
    depths: dict[str, int] = {}
    waiting = list(names)
    while waiting:
        name = waiting[-1]
        open_needs = [need for need in needs.get(name, ()) if need in names and need not in depths]
        if open_needs:
            waiting += open_needs
            continue
        waiting.pop()
        depths[name] = max((depths[need] + 1 for need in needs.get(name, ()) if need in depths), default=0)
    return depths


def _mean_row(
    group: tuple[StageRecord, ...], needs: Mapping[str, frozenset[str]], box_of: Mapping[str, Box]
) -> float:
    rows = [box_of[need].y for stage in group for need in needs.get(stage.name, ()) if need in box_of]
    return sum(rows) / len(rows) if rows else 0


def _lines(needs: Mapping[str, frozenset[str]], box_of: Mapping[str, Box]) -> Iterator[str]:
    """Yield a curve from the right side of one box to the left side of the next, once for each pair."""
    pairs = {
        (box_of[need].x, box_of[need].y, box_of[name].x, box_of[name].y)
        for name, stages in needs.items()
        for need in stages
        if name in box_of and need in box_of
    }
    for left, top, right, bottom in sorted(pairs):
        x, y, end, stop = left + WIDTH, top + HEIGHT // 2, right, bottom + HEIGHT // 2
        middle = (x + end) // 2
        yield f"M{x} {y}C{middle} {y} {middle} {stop} {end} {stop}"
