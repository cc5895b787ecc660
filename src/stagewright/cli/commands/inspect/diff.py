"""Two runs side by side, as they are printed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stagewright.cli.common import changes, documents, output
from stagewright.cli.common.command_hints import program
from stagewright.cli.common.options import Json, PipelineName, TargetName
from stagewright.cli.common.target import LOCAL, existing_session
from stagewright.errors import DocumentError, NotFoundError, Problem
from stagewright.naming import pipeline_of

if TYPE_CHECKING:
    from stagewright.document.layers import Layer
    from stagewright.document.merge import Change
    from stagewright.operator_gateway import OperatorGateway
    from stagewright.runs.history.comparison import Comparison, Metric, StageComparison
    from stagewright.runs.history.records import RunRecord, StageRecord

NOTHING = "(nothing)"
DIGITS = {"release": 12}
"""As many of such a fact are shown."""


def report(comparison: Comparison, as_json: bool) -> None:
    if as_json:
        output.print_json(plain(comparison))
        return
    output.print_line("\n".join(output.columns([_heading(comparison.before), _heading(comparison.after)])))
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
            output.print_line("\n  ".join([title, *lines]))
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
    from stagewright.runs.history.comparison import facts

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
    took = output.duration(record.started, record.ended)
    return (record.run, record.status, output.local_time(record.created), took)


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
        NOTHING if value is None else output.format_number(value) for value in (metric.before, metric.after)
    ]
    return (stage, metric.name, _both(sides), f"{metric.difference:+g}" if metric.difference else "")


def _stage(stage: StageComparison) -> tuple[str, ...] | None:
    """State and seconds; None where there is no difference."""
    states = [each.status if each else NOTHING for each in (stage.before, stage.after)]
    took = [
        output.format_seconds(each.seconds) if each and each.seconds is not None else NOTHING
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


TOPS: Mapping[str, Layer] = {"base": "base", "environment": "environment", "now": "overrides"}
RUNS = 50
"""The newest runs, among which one is looked for that was not refused."""
SIDE = "A revision's number, base, environment or now; or a run."
Before = Annotated[str | None, typer.Argument(metavar="A", help=SIDE)]
After = Annotated[str | None, typer.Argument(metavar="B", help=SIDE)]


def command(
    place: PipelineName,
    a: Before = None,
    b: After = None,
    target: TargetName = LOCAL,
    as_json: Json = False,
) -> None:
    from stagewright.cli.commands.inspect import diff

    if documents.RUN_ID.fullmatch(place):
        remedy = f"{program()} diff {pipeline_of(place)} {place}"
        raise DocumentError((Problem(place, "is a run, and first comes its pipeline", remedy),))
    with existing_session(target) as connected:
        name = documents.name_of(place)
        given = [side for side in (a, b) if side]
        if any(is_run(side, place, name) for side in given):
            check_runs(given, place, name)
            runs = [documents.run_of(connected, side) for side in given]
            diff.report(compared(connected.gateway, name, runs), as_json)
        else:
            of_document(connected.gateway, name, a or newest(connected.gateway, name), b or "now", as_json)


def is_run(side: str, place: str, name: str) -> bool:
    """A run's id, or the pipeline, however it was called: that is its newest run."""
    return bool(documents.RUN_ID.fullmatch(side)) or (side in (place, name) and side not in TOPS)


def check_runs(sides: Sequence[str], place: str, name: str) -> None:
    for side in sides:
        if not is_run(side, place, name):
            remedy = "a run is compared with a run, a revision or a layer with one of these"
            raise DocumentError((Problem(side, "is no run", remedy),))


def compared(gateway: OperatorGateway, name: str, runs: Sequence[str]) -> Comparison:
    """A run alone is compared with the newest good one before it."""
    from stagewright.runs.history import comparison

    before = runs[0] if len(runs) > 1 else comparison.good_before(gateway, name, runs[0])
    return comparison.compare(gateway, name, before, runs[-1])


def of_document(gateway: OperatorGateway, name: str, a: str, b: str, as_json: bool) -> None:
    from stagewright.cli.common import changes
    from stagewright.document.effective_diff import differences

    found = list(differences(document(gateway, name, a), document(gateway, name, b)))
    if as_json:
        output.print_json({"pipeline": name, "a": a, "b": b, "changes": changes.plain(found)})
    else:
        changes.print_changes(found, f"{name}: no difference between {a} and {b}")


def newest(gateway: OperatorGateway, pipeline: str) -> str:
    """The revision of the newest run, `base` before there is one."""
    from stagewright.runs.history.run_history import list_runs

    numbers = (record.revision for record in list_runs(gateway, pipeline, RUNS))
    return next((str(number) for number in numbers if number), "base")


def document(gateway: OperatorGateway, pipeline: str, side: str) -> Mapping[str, Any]:
    from stagewright.document.overrides import readable
    from stagewright.runs.documents import layers, revisions
    from stagewright.syntax.findings import nearest

    if side in TOPS:
        made: Mapping[str, Any] = readable(layers.read(gateway, pipeline).document(TOPS[side]))
        return made
    if side.isascii() and side.isdigit():
        return revisions.document(gateway, pipeline, int(side))
    remedy = f"{nearest(side, TOPS, 'layers')}; numbers: {program()} history {pipeline}"
    raise NotFoundError(f"{side} is no revision's number and no layer", remedy)
