"""What pydantic finds wrong with the shape of a document, in our words and at our paths."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from stagewright.spec.findings import Finding, Path, nearest
from stagewright.spec.kinds import Endpoint, Gate, Processing, Register, Training
from stagewright.spec.model import NAME_RULES, REFERENCE, CodeTrigger, Defaults
from stagewright.spec.pipeline import Pipeline

KINDS: Mapping[str, type[BaseModel]] = {
    "processing": Processing,
    "training": Training,
    "gate": Gate,
    "register": Register,
    "endpoint": Endpoint,
}

TAG = 2
"""Place of the kind in pydantic's locations: ("stages", "train", "training", ...)."""

_EXPECTED = {
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "float_type": "a number",
    "int_type": "a whole number",
    "mapping_type": "a mapping",
    "model_attributes_type": "a mapping",
    "model_type": "a mapping",
    "string_type": "a text",
    "tuple_type": "a list",
}


def shape_findings(error: ValidationError, data: Any) -> list[Finding]:
    """One finding for each place; of a union's branches, the one that comes nearest."""
    by_path: dict[Path, list[ErrorDetails]] = {}
    for each in error.errors(include_url=False):
        by_path.setdefault(_path(each, data), []).append(each)
    found = []
    for path, errors in by_path.items():
        if _only_types(errors) and any(
            len(other) > len(path) and other[: len(path)] == path for other in by_path
        ):
            continue  # the other branch of a union got further
        found.append(_finding(path, errors, data))
    return found


def _path(error: ErrorDetails, data: Any) -> Path:
    """The error's place in the data, without the tags and branch names that pydantic puts in between."""
    path: list[str | int] = []
    current = data
    for index, part in enumerate(error["loc"]):
        last = index == len(error["loc"]) - 1
        if index == TAG and path[0] == "stages" and part in KINDS:
            continue
        if _within(current, part):
            path.append(part)
            current = current[part]
        elif error["type"] == "missing" and last:
            path.append(part)
    return tuple(path)


def _within(current: Any, part: str | int) -> bool:
    return (
        part in current if isinstance(current, dict) else isinstance(current, list) and isinstance(part, int)
    )


def _only_types(errors: list[ErrorDetails]) -> bool:
    return all(error["type"] in _EXPECTED for error in errors)


def _finding(path: Path, errors: list[ErrorDetails], data: Any) -> Finding:
    expected = list(dict.fromkeys(word for error in errors if (word := _expected(error))))
    telling = [error for error in errors if not _expected(error)]
    if not telling:
        return Finding(path, f"takes {' or '.join(expected)}, not {said(errors[0]['input'])}")
    error = telling[0]
    context = error.get("ctx", {})
    match error["type"]:
        case "missing":
            return Finding(path, "is missing", _description(path, data))
        case "extra_forbidden":
            known = _model_at(path[:-1], data).model_fields
            return Finding(path, f'unknown key "{path[-1]}"', nearest(str(path[-1]), known, "keys"))
        case "union_tag_not_found":
            return Finding((*path, "kind"), "is missing", f"kinds: {', '.join(KINDS)}")
        case "union_tag_invalid":
            kind = str(context["tag"])
            return Finding((*path, "kind"), f"unknown kind {said(kind)}", nearest(kind, KINDS, "kinds"))
        case _:
            return Finding(path, _limit(error, context))


def _expected(error: ErrorDetails) -> str:
    """What the branch of a union takes; nothing where the type is right and the value is not."""
    if error["type"] == "string_pattern_mismatch" and error["ctx"]["pattern"] == REFERENCE:
        return NAME_RULES[REFERENCE]
    return _EXPECTED.get(error["type"], "")


def _limit(error: ErrorDetails, context: Mapping[str, Any]) -> str:
    given = said(error["input"])
    match error["type"]:
        case "string_pattern_mismatch":
            return f"{given} is not made of {NAME_RULES[context['pattern']]}"
        case "string_too_long":
            return f"{given} has {len(error['input'])} characters, and {context['max_length']} are the most"
        case "greater_than_equal":
            return f"must be at least {context['ge']:,}, not {given}"
        case "less_than_equal":
            return f"must be at most {context['le']:,}, not {given}"
        case "too_short":
            return "is empty"
        case "too_long":
            count = context["actual_length"] or "too many"
            return f"has {count} entries, and {context['max_length']:,} are the most"
        case "literal_error":
            return f"must be {context['expected']}, not {given}"
        case _:
            return f"{error['msg']}, not {given}"


def said(value: Any) -> str:
    """A value as a person would say it."""
    match value:
        case None:
            return "nothing (null)"
        case bool():
            return str(value).lower()
        case int() | float():
            return f"the number {value}"
        case str():
            return f'"{value if len(value) <= 60 else value[:57] + "..."}"'
        case dict():
            return "a mapping"
        case _:
            return "a list"


def _model_at(path: Path, data: Any) -> type[BaseModel]:
    match path:
        case ("stages", name):
            return KINDS[data["stages"][name]["kind"]]
        case ("defaults",):
            return Defaults
        case ("triggers", _):
            return CodeTrigger
        case _:
            return Pipeline


def _description(path: Path, data: Any) -> str:
    from stagewright.spec.descriptions import describe

    return describe(_model_at(path[:-1], data), str(path[-1]))
