"""Two runs side by side, as they are printed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from stagewright.cli import changes, output

if TYPE_CHECKING:
    from stagewright.run.comparison import Comparison, Metric, StageComparison
    from stagewright.run.records import RunRecord, StageRecord
    from stagewright.spec.merging import Change

NOTHING = "(nothing)"
DIGITS = {"release": 12}
"""As many of such a fact are shown."""


def report(comparison: Comparison, as_json: bool) -> None:
    if as_json:
        output.print_json(plain(comparison))
        return
    output.say("\n".join(output.columns([_heading(comparison.before), _heading(comparison.after)])))
    sections = {
        "run": [_fact(each) for each in comparison.facts],
        "settings": changes.lines(comparison.settings),
        "code": [_file(each) for each in comparison.code],
        "inputs": [f"{each.name}: {', '.join(each.why)}" for each in comparison.stages if each.why],
        "tuned": [f"{each.name}: {line}" for each in comparison.stages for line in changes.lines(each.tuned)],
        "metrics": _columns(
            _metric(each.name, metric) for each in comparison.stages for metric in each.metrics
        ),
        "stages": _columns(row for each in comparison.stages if (row := _stage(each))),
    }
    for title, lines in sections.items():
        if lines:
            output.say("\n  ".join([title, *lines]))
    for gap in comparison.missing:
        output.note(gap)


def plain(comparison: Comparison) -> dict[str, Any]:
    """For --json."""
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
                "name": each.name,
                "a": _state(each.before),
                "b": _state(each.after),
                "inputs": _named(each.inputs),
                "why": each.why,
                "metrics": each.metrics,
                "tuned": changes.plain(each.tuned),
            }
            for each in comparison.stages
        ],
        "missing": comparison.missing,
    }


def _run(record: RunRecord) -> dict[str, Any]:
    from stagewright.run.comparison import facts

    names = ("run", "status", "reason", "created", "started", "ended", "seconds")
    return {name: getattr(record, name) for name in names} | facts(record)


def _state(stage: StageRecord | None) -> dict[str, Any] | None:
    names = ("kind", "action", "status", "seconds", "reused_from")
    return {name: getattr(stage, name) for name in names} if stage else None


def _named(found: Iterable[Change]) -> list[dict[str, Any]]:
    """Changes whose path is one name, dots and all."""
    told = list(found)
    return [{**one, "path": change.path[0]} for one, change in zip(changes.plain(told), told, strict=True)]


def _heading(record: RunRecord) -> tuple[str, ...]:
    took = output.took(record.started, record.ended)
    return (record.run, record.status, output.local_time(record.created), took)


def _fact(change: Change) -> str:
    name = str(change.path[0])
    before, after = (_text(value)[: DIGITS.get(name)] for value in (change.before, change.after))
    return f"{'from' if name == 'start' else name}: {before} -> {after}"


def _text(value: Any) -> str:
    from stagewright.spec.merging import ABSENT

    if value is ABSENT:
        return NOTHING
    return ", ".join(value) if isinstance(value, list) else str(value)


def _file(change: Change) -> str:
    from stagewright.spec.merging import ABSENT

    verb = "added" if change.before is ABSENT else "removed" if change.after is ABSENT else "changed"
    return f"{change.path[0]} {verb}"


def _metric(stage: str, metric: Metric) -> tuple[str, ...]:
    sides = [NOTHING if value is None else output.figure(value) for value in (metric.before, metric.after)]
    return (stage, metric.name, _both(sides), f"{metric.difference:+g}" if metric.difference else "")


def _stage(stage: StageComparison) -> tuple[str, ...] | None:
    """State and seconds; None where there is no difference."""
    states = [each.status if each else NOTHING for each in (stage.before, stage.after)]
    took = [
        output.lasted(each.seconds) if each and each.seconds is not None else NOTHING
        for each in (stage.before, stage.after)
    ]
    if len(set(states)) == len(set(took)) == 1:
        return None
    return (stage.name, _both(states), _both(took))


def _both(sides: Sequence[str]) -> str:
    return " -> ".join(dict.fromkeys(sides))


def _columns(rows: Iterable[tuple[str, ...]]) -> list[str]:
    found = list(rows)
    return output.columns(found) if found else []
