"""Paths of values in a metrics file: `regression_metrics.mse.value`, `folds[0].f1`, `['a b'].value`."""

from __future__ import annotations

import re

NAME = r"[^\s.\[\]'\"$<>{}]+"
BRACKETS = r"\[(?:\d{1,6}|'[^'\[\]$<>{}]+'|\"[^\"\[\]$<>{}]+\")\]"
PATH = re.compile(rf"(?:{NAME}|{BRACKETS})(?:\.{NAME}|{BRACKETS})*")
STEP = re.compile(rf"({NAME})|\[(\d+)\]|\['([^']+)'\]|\[\"([^\"]+)\"\]")
LONGEST = 256
REMEDY = "such as regression_metrics.mse.value, folds[0].f1 or ['a b'].value"


def problem(path: str) -> str:
    """Return why the text is not a path, or "" if it is one."""
    if len(path) > LONGEST:
        return f"a path has at most {LONGEST} characters"
    return "" if PATH.fullmatch(path) else f"{path!r} is not a path of a value in a JSON file"


def steps(path: str) -> list[str | int]:
    """Return the names and list indexes of a valid path, outermost first."""
    return [int(index) if index else name or single or double
            for name, index, single, double in STEP.findall(path)]  # fmt: skip
