"""Merge and compare documents. Values are JSON values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from stagewright.document.canonical_json import canonical_json
from stagewright.syntax.findings import Path


class _Absent:
    def __repr__(self) -> str:
        return "(absent)"


ABSENT: Final = _Absent()
"""Marks a value that does not exist."""


@dataclass(frozen=True)
class Change:
    """The value at one path before and after. ABSENT: there is no value."""

    path: Path
    before: Any
    after: Any


def merged(under: Any, over: Any) -> Any:
    """Merge `over` into `under`: mappings key by key; any other value of `over` replaces that of `under`."""
    if not (isinstance(under, Mapping) and isinstance(over, Mapping)):
        return over
    changed = {key: merged(under[key], value) if key in under else value for key, value in over.items()}
    return {**under, **changed}


def changes(before: Any, after: Any, path: Path = ()) -> Iterator[Change]:
    """Yield the changes from `before` to `after`. A list, and an added or removed value, is one change."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in (*before, *(key for key in after if key not in before)):
            yield from changes(before.get(key, ABSENT), after.get(key, ABSENT), (*path, key))
    elif before is ABSENT or after is ABSENT or canonical_json(before) != canonical_json(after):
        yield Change(path, before, after)


def nested(path: Path, value: Any) -> Any:
    """Return a document with only `value`, at `path`."""
    for key in reversed(path):
        value = {key: value}
    return value


def value_at(document: Any, path: Path) -> Any:
    """Return the value at `path`, or ABSENT."""
    for key in path:
        if not isinstance(document, Mapping) or key not in document:
            return ABSENT
        document = document[key]
    return document


def without(document: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Return the document without the value at `path`, and without mappings that become empty."""
    key, rest = str(path[0]), path[1:]
    kept = {name: value for name, value in document.items() if name != key}
    inner = document.get(key)
    remainder = without(inner, rest) if rest and isinstance(inner, Mapping) else {}
    return {**kept, key: remainder} if remainder else kept


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield path and value of every value that is not a mapping with entries."""
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    else:
        yield path, value
