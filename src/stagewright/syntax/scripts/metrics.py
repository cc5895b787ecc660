"""The metrics that a script prints, as the regular expressions of a training job."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from stagewright.syntax.scripts.source import Source, dotted

PRINTS = ("print", "info", "debug", "warning", "log", "write", "echo")
LABEL = re.compile(r"([A-Za-z][A-Za-z0-9_@^ /().-]*?)(\s*[:=]\s*)$")
"""The end of a text before a value: `Test MAE: `."""
WORDS = re.compile(
    r"(?<![a-z])(mae|mse|rmse|mape|r2|accuracy|acc|auc|loss|logloss|f1|precision|recall|error|score|perplexity)(?![a-z])"
)
FORMAT = re.compile(r"%[-+0-9.]*[defg s]|\{[^{}]*\}")
NUMBER = r"([-+]?[0-9.]+(?:e[-+]?[0-9]+)?)"
MOST = 40
"""Metric definitions of a training job at most (AlgorithmSpecification, API reference)."""


def printed_metrics(source: Source) -> dict[str, str]:
    """Metric -> regular expression with one group, for `print(f"MAE: {error:.2f}")` and the like."""
    metrics: dict[str, str] = {}
    for call in source.calls():
        if (dotted(call.func).rpartition(".")[2] or getattr(call.func, "attr", "")) in PRINTS:
            for text in _before_values(call):
                for name, regex in _metric(text):
                    metrics.setdefault(name, regex)
    return dict(list(metrics.items())[:MOST])


def _before_values(call: ast.Call) -> Iterator[str]:
    """The texts that stand before a printed value."""
    for part, following in zip(call.args, [*call.args[1:], None], strict=True):
        if isinstance(part, ast.JoinedStr):
            yield from _before_fields(part)
        elif isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield from _before_formats(part.value)
            if following is not None and not isinstance(following, ast.Constant):
                yield part.value if part.value.endswith(" ") else f"{part.value} "
        elif isinstance(part, ast.BinOp | ast.Call):
            for inner in ast.walk(part):
                if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
                    yield from _before_formats(inner.value)


def _before_fields(text: ast.JoinedStr) -> Iterator[str]:
    for part, following in zip(text.values, text.values[1:], strict=False):
        if isinstance(part, ast.Constant) and isinstance(following, ast.FormattedValue):
            yield str(part.value)


def _before_formats(text: str) -> Iterator[str]:
    start = 0
    for match in FORMAT.finditer(text):
        yield text[start : match.start()]
        start = match.end()


def _metric(text: str) -> Iterator[tuple[str, str]]:
    label = LABEL.search(text)
    if label is None:
        return
    words = re.split(r"[^A-Za-z0-9]+", label[1].replace("^", "").strip())
    name = "_".join(filter(None, words)).lower()
    if WORDS.search(name.replace("_", " ")) and len(name) <= 64:
        before = re.escape(label[1].strip()).replace(r"\ ", " ")
        separator = label[2].strip()
        yield name, f"{before} *{separator} *{NUMBER}"
