"""The report of a run: one HTML file that needs no network, no script and no access to AWS."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from stagewright import __version__
from stagewright.api import formatting
from stagewright.api.printable import printable
from stagewright.api.tables import why
from stagewright.console.graph import HEIGHT, WIDTH, graph_of
from stagewright.console.run_facts import RunFacts
from stagewright.console.timeline import timeline_of
from stagewright.naming import timestamp
from stagewright.runs.history.records import RunRecord, StageRecord
from stagewright.stages.registry import recorded_kind
from stagewright.syntax.references import Reference, render

MARKS = {
    "SUCCEEDED": "✓",
    "FAILED": "✗",
    "REUSED": "↺",
    "SKIPPED": "–",
    "CLOSED": "⊘",
    "STOPPED": "■",
    "NOT_RUN": "·",
    "RUNNING": "▶",
    "WAITING": "…",
}
"""A sign for each status, so that none is shown by its color alone."""
MOST_STAGES = 300
"""Rows of the tables of stages. Failed stages come first if there are more."""


def report(facts: RunFacts, command: str = "") -> str:
    """Return the HTML of a report. `command`: the command that shows the same."""
    record = facts.record
    return (
        _environment()
        .get_template("report.html")
        .render(
            record=record,
            summary=summary(record),
            stages=_shown(record.stages),
            hidden=max(0, len(record.stages) - MOST_STAGES),
            failed=[stage for stage in record.stages if stage.status == "FAILED"],
            gates=[stage for stage in record.stages if recorded_kind(stage.kind).schema.judges],
            conditions=conditions(facts),
            graph=graph_of(record.stages, facts.needs),
            box=(WIDTH, HEIGHT),
            timeline=timeline_of(record),
            log_lines=facts.log_lines,
            document=json.dumps(facts.document, indent=2, ensure_ascii=False) if facts.document else "",
            command=command,
            written=timestamp(datetime.now(UTC)),
            version=__version__,
        )
    )


def summary(record: RunRecord) -> str:
    """What the stages did: `5 succeeded, 2 reused, 1 skipped`."""
    counts = Counter(stage.status for stage in record.stages)
    return ", ".join(f"{count} {status.lower().replace('_', ' ')}" for status, count in counts.items())


def _shown(stages: tuple[StageRecord, ...]) -> list[StageRecord]:
    if len(stages) <= MOST_STAGES:
        return list(stages)
    return sorted(stages, key=lambda stage: stage.status != "FAILED")[:MOST_STAGES]


def conditions(facts: RunFacts) -> dict[str, tuple[str, str]]:
    """Gate -> its condition as the document has it, and with the values of the run."""
    if facts.pipeline is None:
        return {}
    metrics = {stage.name: stage.metrics for stage in facts.record.stages}
    lookup = partial(_value, metrics, facts.pipeline.parameters)
    gates = {name: stage.condition for name, stage in facts.pipeline.stages.items() if stage.judges}
    texts = {
        name: condition if isinstance(condition, str) else " and ".join(condition)
        for name, condition in gates.items()
    }
    return {name: (text, str(render(text, lookup))) for name, text in texts.items()}


def _value(
    metrics: Mapping[str, Mapping[str, float]], parameters: Mapping[str, Any], reference: Reference
) -> Any:
    """Return the metric or parameter that a reference names, or the reference if the run has none."""
    match reference.path:
        case ("stages", stage, "metrics", metric):
            return metrics.get(stage, {}).get(metric, reference.text)
        case ("parameters", name):
            return parameters.get(name, reference.text)
    return reference.text


def _printed(value: Any) -> Any:
    """Escape control characters in text from outside. Markup is a template's own."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("stagewright.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printed,
    )
    environment.filters |= {
        "duration": formatting.duration,
        "length": formatting.format_seconds,
        "mark": lambda status: MARKS.get(status, "?"),
        "metric": formatting.format_number,
        "one_line": formatting.one_line,
        "utc": lambda time: f"{datetime.fromisoformat(time).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC",
        "why": why,
    }
    environment.globals |= {"run_cost": formatting.format_run_cost}
    return environment
