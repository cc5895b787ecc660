"""Printing of the comparison of two runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from stagewright.api import formatting
from stagewright.cli.common import changes, output

if TYPE_CHECKING:
    from stagewright.document.merge import Change
    from stagewright.runs.history.comparison import Comparison, Metric, StageComparison
    from stagewright.runs.history.records import RunRecord, StageRecord

NOTHING = "(nothing)"
DIGITS = {"release": 12}
"""Number of characters of a fact that are printed."""


def print_comparison(comparison: Comparison, as_json: bool) -> None:
    if as_json:
        output.print_json(plain(comparison))
        return
    output.print_line("\n".join(output.columns([_heading(comparison.before), _heading(comparison.after)])))
    sections = {
        "run": [_fact(change) for change in comparison.facts],
        "settings": changes.lines(comparison.settings),
        "code": [_file(change) for change in comparison.code],
        "inputs": [f"{stage.name}: {', '.join(stage.why)}" for stage in comparison.stages if stage.why],
        "tuned": [
            f"{stage.name}: {line}" for stage in comparison.stages for line in changes.lines(stage.tuned)
        ],
        "metrics": _columns(
            _metric(stage.name, metric) for stage in comparison.stages for metric in stage.metrics
        ),
        "stages": _columns(row for stage in comparison.stages if (row := _stage(stage))),
    }
    for title, lines in sections.items():
        if lines:
            output.print_line("\n  ".join([title, *lines]))
    for gap in comparison.missing:
        output.note(gap)


def plain(comparison: Comparison) -> dict[str, Any]:
    """A comparison for --json."""
    before, after = comparison.before, comparison.after
    return {
        "pipeline": after.pipeline,
        "a": _run(before),
        "b": _run(after),
        "run": changes.plain(comparison.facts),
        "settings": changes.plain(comparison.settings),
        "code": _named(comparison.code),
        "stages": [
            {
                "name": stage.name,
                "a": _state(stage.before),
                "b": _state(stage.after),
                "inputs": _named(stage.inputs),
                "why": stage.why,
                "metrics": stage.metrics,
                "tuned": changes.plain(stage.tuned),
            }
            for stage in comparison.stages
        ],
        "missing": comparison.missing,
    }


def _run(record: RunRecord) -> dict[str, Any]:
    from stagewright.runs.history.comparison import facts

    names = ("run", "status", "reason", "created", "started", "ended", "seconds")
    return {name: getattr(record, name) for name in names} | facts(record)


def _state(stage: StageRecord | None) -> dict[str, Any] | None:
    names = ("kind", "action", "status", "seconds", "reused_from")
    return {name: getattr(stage, name) for name in names} if stage else None


def _named(file_changes: Iterable[Change]) -> list[dict[str, Any]]:
    """Changes whose path is one name, which may contain dots."""
    listed = list(file_changes)
    plain_changes = changes.plain(listed)
    return [{**entry, "path": change.path[0]} for entry, change in zip(plain_changes, listed, strict=True)]


def _heading(record: RunRecord) -> tuple[str, ...]:
    length = formatting.duration(record.started, record.ended)
    return (record.run, record.status, formatting.local_time(record.created), length)


def _fact(change: Change) -> str:
    name = str(change.path[0])
    before, after = (_text(value)[: DIGITS.get(name)] for value in (change.before, change.after))
    return f"{'from' if name == 'start' else name}: {before} -> {after}"


def _text(value: Any) -> str:
    from stagewright.document.merge import ABSENT

    if value is ABSENT:
        return NOTHING
    return ", ".join(value) if isinstance(value, list) else str(value)


def _file(change: Change) -> str:
    from stagewright.document.merge import ABSENT

    verb = "added" if change.before is ABSENT else "removed" if change.after is ABSENT else "changed"
    return f"{change.path[0]} {verb}"


def _metric(stage: str, metric: Metric) -> tuple[str, ...]:
    sides = [
        NOTHING if value is None else formatting.format_number(value)
        for value in (metric.before, metric.after)
    ]
    return (stage, metric.name, _both(sides), f"{metric.difference:+g}" if metric.difference else "")


def _stage(stage: StageComparison) -> tuple[str, ...] | None:
    """State and duration of a stage in both runs. None if they are equal."""
    sides = (stage.before, stage.after)
    states = [side.status if side else NOTHING for side in sides]
    durations = [
        formatting.format_seconds(side.seconds) if side and side.seconds is not None else NOTHING
        for side in sides
    ]
    if len(set(states)) == len(set(durations)) == 1:
        return None
    return (stage.name, _both(states), _both(durations))


def _both(sides: Sequence[str]) -> str:
    return " -> ".join(dict.fromkeys(sides))


def _columns(rows: Iterable[tuple[str, ...]]) -> list[str]:
    listed = list(rows)
    return output.columns(listed) if listed else []
