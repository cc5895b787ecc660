"""JSONPath filters of transform jobs.

The operators are those of "Associate Prediction Results with Input Records" (developer guide). They behave as
in json-path, the library that this page links to.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

NAME = r"[A-Za-z0-9 \-]+"
NUMBER = r"\s*-?\d+\s*"
WILDCARD = re.compile(r"\.\*|\.?\[\s*\*\s*\]")
CHILD = re.compile(rf"\.({NAME})")
CHILDREN = re.compile(rf"\.?\[\s*('{NAME}'(?:\s*,\s*'{NAME}')*)\s*\]")
INDEXES = re.compile(rf"\.?\[({NUMBER}(?:,{NUMBER})*)\]")
SLICE = re.compile(r"\.?\[\s*(-?\d*)\s*:\s*(-?\d*)\s*\]")
RANGES = re.compile(r"\[[^\]']*[:,][^\]']*:[^\]']*\]|\[[^\]']*:[^\]']*,[^\]']*\]")


class JsonPathError(Exception):
    """A path with a syntax error, or without a match."""


@dataclass(frozen=True)
class Names:
    names: tuple[str, ...]


@dataclass(frozen=True)
class Indexes:
    numbers: tuple[int, ...]


@dataclass(frozen=True)
class Slice:
    start: int | None
    end: int | None
    """The end is excluded, as in json-path and in JavaScript's slice()."""


@dataclass(frozen=True)
class Wildcard:
    pass


Step = Names | Indexes | Slice | Wildcard


@dataclass(frozen=True)
class JsonPath:
    text: str
    steps: tuple[Step, ...]

    @property
    def is_root(self) -> bool:
        return not self.steps

    def select(self, value: Any) -> Any:
        """The value at the path. JsonPathError if a name or an index does not exist."""
        try:
            return _select(value, self.steps)
        except (LookupError, TypeError) as error:
            raise JsonPathError(f"{self.text} finds nothing in the record ({error})") from error


def parse(text: str) -> JsonPath:
    if not text.startswith("$"):
        raise JsonPathError(f"Invalid JsonPath: {text}: it must start with $")
    steps: list[Step] = []
    at = 1
    while at < len(text):
        step, at = _step(text, at)
        steps.append(step)
    if any(isinstance(step, Names) and len(step.names) > 1 for step in steps[:-1]):
        raise JsonPathError(f"Invalid JsonPath: {text}: several names are allowed only at the end")
    return JsonPath(text, tuple(steps))


def _step(text: str, at: int) -> tuple[Step, int]:
    if match := WILDCARD.match(text, at):
        return Wildcard(), match.end()
    if match := CHILDREN.match(text, at):
        return Names(tuple(re.findall(rf"'({NAME})'", match[1]))), match.end()
    if match := CHILD.match(text, at):
        return Names((match[1],)), match.end()
    if match := INDEXES.match(text, at):
        return Indexes(tuple(int(number) for number in match[1].split(","))), match.end()
    if match := SLICE.match(text, at):
        start, end = (int(side) if side else None for side in match.groups())
        return Slice(start, end), match.end()
    if match := RANGES.match(text, at):
        raise JsonPathError(
            f"Invalid JsonPath: {text}: only single range filters of format (eg: [1:5]) are supported. "
            f"Format {match[0]} is not supported"
        )
    raise JsonPathError(f"Invalid JsonPath: {text}: {text[at:]} is not among the supported operators")


def _select(value: Any, steps: tuple[Step, ...]) -> Any:
    if not steps:
        return value
    step, rest = steps[0], steps[1:]
    match step:
        case Names((name,)):
            return _select(_member(value, name), rest)
        case Names(names):
            return {name: _member(value, name) for name in names}
        case Indexes((number,)):
            return _select(_listed(value)[number], rest)
        case Indexes(numbers):
            values = [_listed(value)[number] for number in numbers]
        case Slice(start, end):
            values = _listed(value)[start:end]
            if not values:
                raise IndexError(f"it has {len(value)} elements")
        case Wildcard():
            values = list(value.values()) if isinstance(value, dict) else _listed(value)
    return [_select(item, rest) for item in values]


def _member(value: Any, name: str) -> Any:
    if not isinstance(value, dict):
        raise TypeError(f"it has no {name}: it is not a JSON object")
    if name not in value:
        raise KeyError(name)
    return value[name]


def _listed(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("it is not an array")
    return value
