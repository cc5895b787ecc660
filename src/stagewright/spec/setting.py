"""One setting as a person types it: `stages.train.hyperparameters.n-estimators=500`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from stagewright.errors import DocumentError
from stagewright.spec.findings import Finding, Path, dotted, problems
from stagewright.spec.load import load
from stagewright.spec.merging import at, merged
from stagewright.spec.overrides import Unusable, number

_PART = re.compile(r'"([^"]+)"|([^."=]+)')


def path_of(text: str) -> Path:
    """`a.b.c`; a part that holds a dot stands in double quotes. DocumentError where it is no path."""
    parts: list[str] = []
    end = 0
    for match in _PART.finditer(text):
        if match.start() != end:
            break
        parts.append(match[1] or match[2])
        end = match.end() + 1
    if not parts or end <= len(text) or text.endswith("."):
        remedy = 'such as parameters.min_r2 or stages.train.enabled; a key with a dot in it in quotes: "a.b"'
        raise DocumentError(problems([Finding((text or "path",), "is no path", remedy)]))
    return tuple(parts)


def written(path: Path) -> str:
    """As `path_of` reads it."""
    parts = (f'"{part}"' if "." in str(part) or "=" in str(part) else str(part) for part in path)
    return ".".join(parts)


def split(text: str) -> tuple[Path, str]:
    """Path and value of PATH=VALUE."""
    match = re.match(r'((?:"[^"]*"|[^"=])*)=(.*)', text, re.DOTALL)
    if match is None:
        raise DocumentError(problems([Finding((text,), "has no value", f"write {text}=VALUE")]))
    return path_of(match[1]), match[2]


def value_of(document: Mapping[str, Any], path: Path, text: str) -> Any:
    """What `text` means at `path` of `document`: JSON where the place takes that, otherwise the text itself.

    Where it takes neither, the JSON value is kept, so that what is wrong with it can be said.
    """
    values = list(_readings(text))
    return next((value for value in values if _takes(document, path, value)), values[0])


def _readings(text: str) -> Iterator[Any]:
    try:
        value = json.loads(text, parse_int=number, parse_float=number, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        pass
    else:
        if not isinstance(value, str):
            yield value
    yield text


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")


def _takes(document: Mapping[str, Any], path: Path, value: Any) -> bool:
    if isinstance(value, Unusable):
        return True  # a number it is meant to be; what is wrong with it is said later
    declared = document.get("parameters", {})
    if path[0] == "parameters" and isinstance(declared.get(path[-1]), str):
        return isinstance(value, str)
    try:
        load(merged(document, at(path, value)))
    except DocumentError as error:
        place = dotted(path)
        return not any(problem.path.startswith(place) for problem in error.problems)
    return True
