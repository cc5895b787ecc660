"""Warn about metrics whose regular expression may take exponential time, or finds no number.

AWS accepts them, so they are no errors. The local target skips the lines that take too long.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from stagewright.document.pipeline import Pipeline
from stagewright.errors import Problem
from stagewright.syntax.findings import Finding, problems
from stagewright.syntax.regular_expressions import captures_nothing, matches_nothing_first, ways

MOST_WAYS = 2**16
"""For a text of two characters. Expressions that are only polynomial have fewer."""
MESSAGE = "this regular expression may take exponential time for a line of the log"
REMEDY = "use no repetition or | within a repetition, and fewer optional parts"

NOTHING = "its group only ever matches the empty text, so the metric gets no value"
NOTHING_FIRST = "it matches the empty text at the beginning of most lines, before the number"
NUMBER = "write what is before the number, and + instead of * or ?, such as 'MAE: ([0-9.]+)'"


def metrics(pipeline: Pipeline) -> Mapping[str, Any]:
    """Return the part of the document that consists of its `metrics` blocks."""
    included = {"stages": {"__all__": {"metrics": True}}}
    return pipeline.model_dump(mode="json", exclude_unset=True, include=included)


def doubtful_metrics(document: Mapping[str, Any], file: str = "") -> tuple[Problem, ...]:
    """Return a problem for each such metric.

    `document`: a valid document, or a part of one such as an overlay.
    """
    return problems(_findings(document), file=file)


def _findings(document: Mapping[str, Any]) -> Iterator[Finding]:
    for name, stage in document.get("stages", {}).items():
        block = (stage or {}).get("metrics")
        for metric, regex in block.items() if isinstance(block, Mapping) else ():
            if ways(regex, 2) > MOST_WAYS:
                yield Finding(("stages", name, "metrics", metric), MESSAGE, REMEDY)
            elif captures_nothing(regex):
                yield Finding(("stages", name, "metrics", metric), NOTHING, NUMBER)
            elif matches_nothing_first(regex):
                yield Finding(("stages", name, "metrics", metric), NOTHING_FIRST, NUMBER)
