"""One rule of the table, and access to the values of a request."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Request = Mapping[str, Any]
Scope = Literal[
    "any", "training", "tuning", "processing", "transform", "model", "model package", "endpoint configuration"
]
"""The part of a request that a rule is about: a job, or each definition of training jobs in a tuning job."""


@dataclass(frozen=True)
class Breach:
    """Where a request breaks a rule, and the values for the rule's message."""

    path: str
    values: Mapping[str, Any]


def breach(path: str, **values: Any) -> Breach:
    return Breach(path, values)


@dataclass(frozen=True)
class Rule:
    """One rule.

    Fields:
        name: Identifies the rule in the documentation and in tests.
        scope: What the rule is about.
        message: The message, with {fields} for the values of a breach.
        quoted: Whether the message is AWS's own text. Otherwise it says what the source says.
        source: Where AWS documents the rule, or where its message was reported.
        check: Yields each breach in a part of a request.
    """

    name: str
    scope: Scope
    message: str
    source: str
    check: Callable[[Request], Iterator[Breach]]
    quoted: bool = False


@dataclass(frozen=True)
class Violation:
    """A broken rule in a request: the path of the field, and the message."""

    rule: Rule
    path: str
    message: str


def at(request: Any, path: str) -> Any:
    """Return the value at a dotted path, or None."""
    for name in path.split("."):
        request = request.get(name) if isinstance(request, Mapping) else None
    return request


def items(request: Request, path: str) -> list[Mapping[str, Any]]:
    """Return the objects of the list at a dotted path."""
    value = at(request, path)
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list | tuple) else []


def number(request: Any, path: str) -> float | None:
    """Return the number at a dotted path. None: there is none, or it is known only at run time."""
    value = at(request, path)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def repeated(values: Iterable[Any]) -> list[Any]:
    """Return the values that occur more than once, each once."""
    seen: list[Any] = []
    twice: list[Any] = []
    for value in values:
        if value in seen and value not in twice:
            twice.append(value)
        seen.append(value)
    return twice
