"""Validates a value against a botocore shape, with the messages of SageMaker's ValidationException.

The wording and the paths are those of the AWS services that report "1 validation error detected": members
start in lower case, list items are `.1.member`. Patterns must match in full. They need the package `regex`,
because some use Unicode classes that `re` does not know.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import regex
from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape

TYPES: dict[str, tuple[type, ...]] = {
    "structure": (dict,),
    "map": (dict,),
    "list": (list,),
    "string": (str,),
    "blob": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "timestamp": (int, float),
}


UNUSABLE = re.compile("[\0\ud800-\udfff]")
"""Characters that no process, file name or AWS service can receive: null, and halves of surrogate pairs."""

PATTERN_SECONDS = 1.0


def violations(shape: Shape, value: Any, path: str = "") -> Iterator[str]:
    """One message per violation in a JSON value."""
    if not _of_type(shape, value):
        yield _failed(value, path, f"Member must be of type {shape.type_name}")
        return
    yield from _range(shape, value, path)
    if isinstance(shape, StructureShape):
        yield from _members(shape, value, path)
    elif isinstance(shape, ListShape):
        for index, item in enumerate(value, 1):
            yield from violations(shape.member, item, f"{path}.{index}.member")
    elif isinstance(shape, MapShape):
        for key, item in value.items():
            yield from violations(shape.key, key, f"{path}.key")
            yield from violations(shape.value, item, f"{path}.{key}.member")
    elif isinstance(shape, StringShape):
        yield from _text(shape, value, path)


def _of_type(shape: Shape, value: Any) -> bool:
    if isinstance(value, bool):
        return shape.type_name == "boolean"
    return isinstance(value, TYPES[shape.type_name])


def _members(shape: StructureShape, value: dict[str, Any], path: str) -> Iterator[str]:
    for name in shape.required_members:
        if name not in value:
            yield _failed(None, _below(path, name), "Member must not be null")
    for name, item in value.items():
        if name in shape.members:
            yield from violations(shape.members[name], item, _below(path, name))
        else:
            known = ", ".join(sorted(shape.members))
            yield _failed(item, _below(path, name), f"Member must be one of: {known}")


def _text(shape: StringShape, value: str, path: str) -> Iterator[str]:
    if UNUSABLE.search(value):
        yield _failed(ascii(value), path, "Member must be text without null characters")
    if shape.enum and value not in shape.enum:
        yield _failed(value, path, f"Member must satisfy enum value set: [{', '.join(shape.enum)}]")
    pattern = shape.metadata.get("pattern")
    compiled = _compiled(pattern) if pattern else None
    if compiled is not None and not _matches(compiled, value):
        yield _failed(value, path, f"Member must satisfy regular expression pattern: {pattern}")


def _matches(pattern: Any, value: str) -> bool:
    """Whether the whole value matches within PATTERN_SECONDS. A few of AWS's patterns are exponential."""
    try:
        return pattern.fullmatch(value, timeout=PATTERN_SECONDS) is not None
    except TimeoutError:
        return False


def _range(shape: Shape, value: Any, path: str) -> Iterator[str]:
    measured, what = (
        (len(value), "length") if shape.type_name in ("list", "map", "string") else (value, "value")
    )
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and measured < low:
        yield _failed(value, path, f"Member must have {what} greater than or equal to {low}")
    if high is not None and measured > high:
        yield _failed(value, path, f"Member must have {what} less than or equal to {high}")


def _below(path: str, name: str) -> str:
    name = name[:1].lower() + name[1:]
    return f"{path}.{name}" if path else name


def _failed(value: Any, path: str, what: str) -> str:
    shown = "null" if value is None else f"'{value}'"
    return f"Value {shown} at '{path}' failed to satisfy constraint: {what}"


@cache
def _compiled(pattern: str) -> Any:
    # A Java pattern that `regex` cannot compile is not checked.
    try:
        return regex.compile(pattern)
    except regex.error:
        return None
