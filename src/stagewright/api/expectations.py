"""What a test expects of a run."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from stagewright.api import formatting
from stagewright.stages.registry import recorded_kind

if TYPE_CHECKING:
    from stagewright.api.run import Run

Expected = str | float | Callable[[float], bool] | object
"""A comparison (`>= 0.9`), a function of the value that returns a bool, or what the value equals."""
COMPARISON = re.compile(r"\s*(>=|<=|>|<|==|!=)\s*(-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)\s*")
OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "==": operator.eq,
    "!=": operator.ne,
}
LINES = 15
"""Last lines of the log of a failed stage."""


def differences(
    run: Run, status: str, stages: Mapping[str, str], metrics: Mapping[str, Expected]
) -> Iterator[str]:
    """Yield a sentence for each expectation that the run does not meet. Stages and metrics may be missing."""
    if run.status != status:
        yield f"expected {status}: {formatting.headline(run.record)}"
    for name, expected in stages.items():
        stage = run.stages.get(name)
        if stage is None:
            yield f"stage {name}: expected {expected}, there is no such stage"
        elif stage.status != expected:
            yield f"stage {name}: expected {expected}, is {stage.status} ({formatting.one_line(stage.why)})"
    for name, bound in metrics.items():
        value = run.metrics.get(name)
        if value is None:
            yield f"metric {name}: there is none; the run has {', '.join(run.metrics) or 'no metrics'}"
        elif not _holds(value, bound):
            yield f"metric {name}: expected {bound}, is {value:g}"


def failures(run: Run) -> Iterator[str]:
    """Yield the last lines of the log of each failed stage."""
    for stage in run.stages.values():
        if stage.status == "FAILED" and recorded_kind(stage.kind).has_log:
            yield f"the log of {stage.name}:"
            yield from (f"  | {line.text}" for line in stage.logs(LINES))


def _holds(value: float, expected: Expected) -> bool:
    if isinstance(expected, str):
        match = COMPARISON.fullmatch(expected)
        if match is None:
            raise ValueError(f"{expected!r} is no comparison such as '>= 0.9'")
        return OPERATORS[match[1]](value, float(match[2]))
    return bool(expected(value) if callable(expected) else expected == value)
