"""Names of stages and of the pipeline, from those of the definition."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

LONGEST_STAGE, LONGEST_PIPELINE, LONGEST_METRIC = 32, 40, 64
ADDED = ("-RegisterModel", "-CreateModel")
"""What the SageMaker SDK appends to the name of a ModelStep."""
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


def stage_names(steps: Iterable[str]) -> dict[str, str]:
    """Step name -> stage name. Words that begin every name are left out."""
    words = {step: _words(_without_suffix(step)) for step in steps}
    shared = _shared_prefix(list(words.values()))
    names: dict[str, str] = {}
    for step, parts in words.items():
        names[step] = unique(_joined(parts[shared:], LONGEST_STAGE) or "step", set(names.values()))
    return names


def pipeline_name(name: str) -> str:
    return _joined(_words(name), LONGEST_PIPELINE)


def metric_name(path: str, taken: Mapping[str, str]) -> str:
    """The last word of a JSON path that says what is measured: `mse` of `regression_metrics.mse.value`."""
    words = [word for word in re.findall(r"[A-Za-z0-9_]+", path) if word != "value"]
    name = (words or ["value"])[-1].strip("_")[:LONGEST_METRIC] or "value"
    return unique(name, set(taken))


def unique(name: str, taken: set[str]) -> str:
    """The name, with a number if it is taken."""
    number, candidate = 1, name
    while candidate in taken:
        number += 1
        candidate = f"{name[: LONGEST_STAGE - 4]}-{number}"
    return candidate


def _without_suffix(step: str) -> str:
    return next((step.removesuffix(added) for added in ADDED if step.endswith(added)), step)


def _words(name: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(name)]


def _joined(words: list[str], longest: int) -> str:
    """The words with hyphens. Words that do not fit are left out, and so are digits at the beginning."""
    name = ""
    for word in words:
        candidate = f"{name}-{word}" if name else word.lstrip("0123456789")
        if len(candidate) <= longest:
            name = candidate
    return name or "".join(words)[:longest]


def _shared_prefix(names: list[list[str]]) -> int:
    """The number of first words that all names share. Every name keeps at least one word."""
    if len(names) < 2:
        return 0
    count = 0
    while all(len(words) > count + 1 for words in names) and len({words[count] for words in names}) == 1:
        count += 1
    return count
