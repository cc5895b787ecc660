"""One setting as a person types it: `stages.train.hyperparameters.n-estimators=500`."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from stagewright.document.load import load
from stagewright.document.merge import leaves, merged, nested, value_at
from stagewright.document.overrides import Unusable, number
from stagewright.document.schema_errors import shown, type_of
from stagewright.errors import DocumentError
from stagewright.syntax.findings import Finding, Path, dotted, problems

_PART = re.compile(r'"([^"]*)"|([^."=]+)')
_PLAIN = re.compile(r'[^."=\s]+')


def parse_path(text: str) -> Path:
    """`a.b.c`; a part that is empty or holds a dot stands in double quotes. DocumentError: it is no path."""
    parts: list[str] = []
    end = 0
    for match in _PART.finditer(text):
        if match.start() != end:
            break
        parts.append(match[2] or match[1])
        end = match.end() + 1
    if not parts or end <= len(text) or text.endswith("."):
        remedy = 'such as parameters.min_r2 or stages.train.enabled; a key with a dot in it in quotes: "a.b"'
        raise DocumentError(problems([Finding((text or "path",), "is no path", remedy)]))
    return tuple(parts)


def format_path(path: Path) -> str:
    """As `path_of` reads it."""
    parts = (str(part) if _PLAIN.fullmatch(str(part)) else f'"{part}"' for part in path)
    return ".".join(parts)


def split_assignment(text: str) -> tuple[Path, str]:
    """Path and value of PATH=VALUE."""
    match = re.match(r'((?:"[^"]*"|[^"=])*)=(.*)', text, re.DOTALL)
    if match is None:
        raise DocumentError(problems([Finding((text,), "has no value", f"write {text}=VALUE")]))
    return parse_path(match[1]), match[2]


def parse_value(document: Mapping[str, Any], path: Path, text: str) -> Any:
    """What `text` means at `path` of `document`: JSON where the place takes that, otherwise the text itself.
    In place of a text it is a text, and in double quotes everywhere.

    Where the place takes neither, the JSON value is kept, so that what is wrong with it can be said.
    """
    values = _readings(text)
    if _is_text(value_at(document, path)):
        values.reverse()
    return next((value for value in values if _takes(document, path, value)), values[0])


def override_value(document: Mapping[str, Any], path: Path, text: str) -> Any:
    """What overrides hold so that they mean `text` at `path` of `document`."""
    value = parse_value(document, path, text)
    return quote_text(document, path, value) if _is_quoted(text) else value


def quote_text(document: Mapping[str, Any], path: Path, value: Any) -> Any:
    """A text as overrides hold it: in double quotes where it would not be taken for one without them."""
    if isinstance(value, str) and (
        _is_quoted(value) or isinstance(value_at(document, path), bool | int | float)
    ):
        return json.dumps(value, ensure_ascii=False)
    return value


def unquoted(content: Any) -> Any:
    """What overrides say: a text that they hold in double quotes is meant as one."""
    match content:
        case Mapping():
            return {name: unquoted(each) for name, each in content.items()}
        case str() if _is_quoted(content):
            return json.loads(content)
        case _:
            return content


def type_changes(document: Mapping[str, Any], content: Mapping[str, Any]) -> Iterator[Finding]:
    """What overrides hold and has another type than what stands in `document`, be it that the place takes
    both, as hyperparameters do. A text in double quotes is meant as one."""
    for path, value in leaves(content):
        before = value_at(document, path)
        if isinstance(before, bool | int | float) and isinstance(value, bool | int | float | str):
            yield from _other_type(path, before, value)


def _other_type(path: Path, before: bool | float, value: bool | float | str) -> Iterator[Finding]:
    text = value if isinstance(value, str) else json.dumps(value)
    after = _readings(text)[0]
    if type_of(before) == type_of(after) or _is_quoted(text) or "${" in text:
        return
    remedy = f"if that is meant, as a text: {shlex.quote(format_path(path))}={shlex.quote(json.dumps(text))}"
    yield Finding(path, f"the document has {shown(before)}, and this is {shown(after)}", remedy)


def _readings(text: str) -> list[Any]:
    try:
        value = json.loads(text, parse_int=number, parse_float=number, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return [text]
    return [value] if isinstance(value, str) else [value, text]


def _is_quoted(text: str) -> bool:
    value = _readings(text)[0]
    return isinstance(value, str) and value != text


def _is_text(value: Any) -> bool:
    """One that says nothing else: a reference may stand for any type."""
    return isinstance(value, str) and "${" not in value


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")


def _takes(document: Mapping[str, Any], path: Path, value: Any) -> bool:
    if isinstance(value, Unusable):
        return True  # a number it is meant to be; what is wrong with it is said later
    declared = document.get("parameters", {})
    if path[0] == "parameters" and isinstance(declared.get(path[-1]), str):
        return isinstance(value, str)
    try:
        load(merged(document, nested(path, value)))
    except DocumentError as error:
        place = dotted(path)
        return not any(problem.path.startswith(place) for problem in error.problems)
    return True
