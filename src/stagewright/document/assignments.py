"""Assignments on a command line: `stages.train.hyperparameters.n-estimators=500`."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from stagewright.document.load import load
from stagewright.document.merge import ABSENT, Change, leaves, merged, nested, value_at
from stagewright.document.overrides import Unusable, number
from stagewright.document.schema_errors import shown, type_of
from stagewright.errors import DocumentError
from stagewright.syntax.findings import Finding, Path, dotted, problems

_PART = re.compile(r'"([^"]*)"|([^."=]+)')
_PLAIN = re.compile(r'[^."=\s]+')


def parse_path(text: str) -> Path:
    """Parse `a.b.c`. A key that is empty or contains a dot is in double quotes.

    Raises DocumentError for anything else.
    """
    parts: list[str] = []
    end = 0
    for match in _PART.finditer(text):
        if match.start() != end:
            break
        parts.append(match[2] or match[1])
        end = match.end() + 1
    if not parts or end <= len(text) or text.endswith("."):
        remedy = 'such as parameters.min_r2 or stages.train.enabled; quote a key that contains a dot: "a.b"'
        raise DocumentError(problems([Finding((text or "path",), "is not a path", remedy)]))
    return tuple(parts)


def format_path(path: Path) -> str:
    """Return the text that `parse_path` parses to this path."""
    parts = (str(part) if _PLAIN.fullmatch(str(part)) else f'"{part}"' for part in path)
    return ".".join(parts)


def split_assignment(text: str) -> tuple[Path, str]:
    """Return the path and the value of PATH=VALUE. Raises DocumentError if there is no value."""
    match = re.match(r'((?:"[^"]*"|[^"=])*)=(.*)', text, re.DOTALL)
    if match is None:
        raise DocumentError(problems([Finding((text,), "has no value", f"write {text}=VALUE")]))
    return parse_path(match[1]), match[2]


def parse_value(document: Mapping[str, Any], path: Path, text: str) -> Any:
    """Return the value of `text` at `path` of `document`.

    It is the text parsed as JSON if the field accepts that, else the text itself. If the document has a
    string there, the text itself is preferred. A text in double quotes is always a string. If the field
    accepts neither, the JSON value is returned, and a later check rejects it.
    """
    values = _readings(text)
    if _is_text(value_at(document, path)):
        values.reverse()
    return next((value for value in values if _is_accepted(document, path, value)), values[0])


def override_value(document: Mapping[str, Any], path: Path, text: str) -> Any:
    """Return the override for `text` at `path` of `document`: as `parse_value`, with the quotes of a
    string."""
    value = parse_value(document, path, text)
    return quote_text(document, path, value) if _is_quoted(text) else value


def quote_text(document: Mapping[str, Any], path: Path, value: Any) -> Any:
    """Return a value as an override. A string that would be read as another type is put in double quotes."""
    if isinstance(value, str) and (
        _is_quoted(value) or isinstance(value_at(document, path), bool | int | float)
    ):
        return json.dumps(value, ensure_ascii=False)
    return value


def overrides_for(document: Mapping[str, Any], needed: Iterable[Change]) -> Mapping[str, Any]:
    """Return overrides that make these changes of `document`. Overrides cannot remove a value."""
    content: Any = {}
    for change in needed:
        if change.after is not ABSENT:
            content = merged(content, nested(change.path, quote_text(document, change.path, change.after)))
    overrides: Mapping[str, Any] = content
    return overrides


def unquoted(content: Any) -> Any:
    """Return the values of overrides: strings in double quotes without the quotes."""
    match content:
        case Mapping():
            return {name: unquoted(item) for name, item in content.items()}
        case str() if _is_quoted(content):
            return json.loads(content)
        case _:
            return content


def type_changes(document: Mapping[str, Any], content: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield the overrides that change the type of a value, even if the field accepts both types.

    A string in double quotes is intended, so it is not reported.
    """
    for path, value in leaves(content):
        before = value_at(document, path)
        if isinstance(before, bool | int | float) and isinstance(value, bool | int | float | str):
            yield from _type_change(path, before, value)


def _type_change(path: Path, before: bool | float, value: bool | float | str) -> Iterator[Finding]:
    text = value if isinstance(value, str) else json.dumps(value)
    after = _readings(text)[0]
    if type_of(before) == type_of(after) or _is_quoted(text) or "${" in text:
        return
    remedy = f"to force a text: {shlex.quote(format_path(path))}={shlex.quote(json.dumps(text))}"
    yield Finding(path, f"the document has {shown(before)}, not {shown(after)}", remedy)


def _readings(text: str) -> list[Any]:
    """Return the possible values of a text: as JSON, and as a string."""
    try:
        value = json.loads(text, parse_int=number, parse_float=number, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return [text]
    return [value] if isinstance(value, str) else [value, text]


def _is_quoted(text: str) -> bool:
    value = _readings(text)[0]
    return isinstance(value, str) and value != text


def _is_text(value: Any) -> bool:
    """Return whether `value` is a string without references. A reference may have a value of any type."""
    return isinstance(value, str) and "${" not in value


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")


def _is_accepted(document: Mapping[str, Any], path: Path, value: Any) -> bool:
    if isinstance(value, Unusable):
        return True  # a number, which a later check rejects
    declared = document.get("parameters", {})
    if path[0] == "parameters" and isinstance(declared.get(path[-1]), str):
        return isinstance(value, str)
    try:
        load(merged(document, nested(path, value)))
    except DocumentError as error:
        prefix = dotted(path)
        return not any(problem.path.startswith(prefix) for problem in error.problems)
    return True
