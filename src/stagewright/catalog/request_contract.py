"""An offline check of AWS requests against `contract.json`, generated from botocore's service model.

It checks what botocore checks before sending (types, required members, unknown members) and what only the
service checks (enums, ranges, lengths, patterns).

A value with a token such as `<<train.model>>` is known only at run time: its type is checked, not its format.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any

from stagewright.errors import Problem
from stagewright.syntax.findings import nearest

TOKEN = re.compile(r"<<[^<>]+>>")
TYPES: Mapping[str, tuple[tuple[type, ...], str]] = {
    "structure": ((dict,), "an object"),
    "map": ((dict,), "an object"),
    "list": ((list, tuple), "a list"),
    "string": ((str,), "a text"),
    "boolean": ((bool,), "true or false"),
    "integer": ((int,), "a whole number"),
    "long": ((int,), "a whole number"),
    "float": ((int, float), "a number"),
    "double": ((int, float), "a number"),
}
Shape = Mapping[str, Any]


@cache
def contract() -> Mapping[str, Any]:
    """Return the contract.

    Its keys are `botocore` and `api` (versions), `generated` (date), `operations` (name -> shape name) and
    `shapes`.
    """
    text = resources.files("stagewright.catalog").joinpath("contract.json").read_text("utf-8")
    loaded: Mapping[str, Any] = json.loads(text)
    return loaded


def check(operation: str, request: Mapping[str, Any], tokens: re.Pattern[str] = TOKEN) -> tuple[Problem, ...]:
    """Return every problem of `request`. Paths begin with the operation. `tokens` matches its tokens.

    Raises KeyError for an operation that is not in the contract.
    """
    return tuple(_check(contract()["operations"][operation], request, operation, tokens))


def tokens_in(value: Any) -> frozenset[str]:
    """Return what looks like a token in a JSON value, keys included."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return frozenset(TOKEN.findall(text)) if "<<" in text else frozenset()


def members(operation: str) -> Mapping[str, str]:
    """Return the fields of an operation's request: name -> shape name."""
    fields: Mapping[str, str] = _shape(contract()["operations"][operation])["members"]
    return fields


def values(shape: str) -> tuple[str, ...]:
    """Return the values of an enumeration, as of the contract's date."""
    return tuple(_shape(shape)["enum"])


def _shape(name: str) -> Shape:
    shape: Shape = contract()["shapes"][name]
    return shape


def _check(name: str, value: Any, path: str, tokens: re.Pattern[str]) -> Iterator[Problem]:
    shape = _shape(name)
    if isinstance(value, str) and tokens.search(value):
        # A value that is one token takes the type of its result, and only metrics are numbers.
        number = tokens.fullmatch(value) is not None and ".metrics." in value
        if number == (shape["type"] == "string"):
            yield Problem(path, f"{value} is not {TYPES[shape['type']][1]}")
        return
    accepted, expected = TYPES[shape["type"]]
    if not isinstance(value, accepted) or (isinstance(value, bool) and shape["type"] != "boolean"):
        yield Problem(path, f"{_short(value)} is not {expected}")
    else:
        yield from _content(shape, value, path, tokens)


def _content(shape: Shape, value: Any, path: str, tokens: re.Pattern[str]) -> Iterator[Problem]:
    """Check a value that has the right type."""
    match shape["type"]:
        case "structure":
            yield from _structure(shape, value, path, tokens)
        case "map":
            yield from _size(shape, len(value), path, "entries")
            for key, item in value.items():
                yield from _check(shape["key"], key, f"{path}.{key}", tokens)
                yield from _check(shape["value"], item, f"{path}.{key}", tokens)
        case "list":
            yield from _size(shape, len(value), path, "items")
            for index, item in enumerate(value):
                yield from _check(shape["member"], item, f"{path}[{index}]", tokens)
        case "string":
            yield from _text(shape, value, path)
        case "integer" | "long" | "float" | "double":
            yield from _size(shape, value, path, "")


def _structure(
    shape: Shape, value: Mapping[str, Any], path: str, tokens: re.Pattern[str]
) -> Iterator[Problem]:
    known = shape["members"]
    for name in shape.get("required", ()):
        if name not in value:
            yield Problem(f"{path}.{name}", "is required")
    for name, item in value.items():
        if name in known:
            yield from _check(known[name], item, f"{path}.{name}", tokens)
        else:
            yield Problem(f"{path}.{name}", "AWS has no such field", nearest(name, known, "fields"))


def _size(shape: Shape, size: float, path: str, unit: str) -> Iterator[Problem]:
    low, high = shape.get("min"), shape.get("max")
    shown = f"{size:,} {unit}".strip()
    if low is not None and size < low:
        yield Problem(path, f"{shown} is less than the minimum, {low:,}")
    if high is not None and size > high:
        yield Problem(path, f"{shown} is more than the maximum, {high:,}")


def _text(shape: Shape, value: str, path: str) -> Iterator[Problem]:
    if (values := shape.get("enum")) and value not in values:
        remedy = nearest(value, values, "one of")
        yield Problem(path, f"{_short(value)} is not a value that AWS accepts", remedy)
    yield from _size(shape, len(value), path, "characters")
    if (pattern := shape.get("pattern")) and not _compiled(pattern).fullmatch(value):
        yield Problem(path, f"{_short(value)} does not match {pattern}")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
