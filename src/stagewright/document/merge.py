"""Documents laid over one another, and what tells two of them apart. Values are JSON's."""

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
"""In place of a value that is not there."""


@dataclass(frozen=True)
class Change:
    """What one place of a document was and is; ABSENT where it was or is not there."""

    path: Path
    before: Any
    after: Any


def merged(under: Any, over: Any) -> Any:
    """`over` laid over `under`: mappings entry by entry, everything else as a whole."""
    if not (isinstance(under, Mapping) and isinstance(over, Mapping)):
        return over
    laid = {key: merged(under[key], value) if key in under else value for key, value in over.items()}
    return {**under, **laid}


def changes(before: Any, after: Any, path: Path = ()) -> Iterator[Change]:
    """From `before` to `after`. Whatever is added or removed, and a list, is one change."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in (*before, *(key for key in after if key not in before)):
            yield from changes(before.get(key, ABSENT), after.get(key, ABSENT), (*path, key))
    elif before is ABSENT or after is ABSENT or canonical_json(before) != canonical_json(after):
        yield Change(path, before, after)


def nested(path: Path, value: Any) -> Any:
    """A document that says one thing."""
    for key in reversed(path):
        value = {key: value}
    return value


def value_at(document: Any, path: Path) -> Any:
    """What stands at `path`, or ABSENT."""
    for key in path:
        if not isinstance(document, Mapping) or key not in document:
            return ABSENT
        document = document[key]
    return document


def without(document: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """The document without what stands at `path`, and without the mappings which that leaves empty."""
    key, rest = str(path[0]), path[1:]
    kept = {name: value for name, value in document.items() if name != key}
    inner = document.get(key)
    left = without(inner, rest) if rest and isinstance(inner, Mapping) else {}
    return {**kept, key: left} if left else kept


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every place that holds no further mapping, with what it holds."""
    if isinstance(value, Mapping) and value:
        for key, each in value.items():
            yield from leaves(each, (*path, key))
    else:
        yield path, value
