"""What pydantic finds wrong with the shape of a document, in our words and at our paths."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from stagewright.document.pipeline import Pipeline
from stagewright.document.triggers import TRIGGERS
from stagewright.stages.registry import KINDS
from stagewright.syntax.fields import NAME_RULES, REFERENCE, Model
from stagewright.syntax.findings import LIKELY_TYPO, Finding, Path, closest_match, nearest

TAGGED = ("stages", "triggers")
TAG = 2
"""Place of the kind or type in pydantic's locations: ("stages", "train", "training", ...)."""

_TAGS = {*KINDS, *TRIGGERS}

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


@dataclass(frozen=True)
class SchemaError:
    """A finding, and what it is about: a `key` or a `word` (of a kind or type) that is not `known`, something
    that is `missing`, or any other `value`."""

    finding: Finding
    what: Literal["key", "word", "missing", "value"] = "value"
    known: tuple[str, ...] = ()


def schema_errors(error: ValidationError, data: Any) -> list[SchemaError]:
    """One for each place; of a union's branches, the one that comes nearest."""
    by_path: dict[Path, list[ErrorDetails]] = {}
    for each in error.errors(include_url=False):
        by_path.setdefault(_path(each, data), []).append(each)
    outer = {path[:length] for path in by_path for length in range(len(path))}
    found = []
    for path, errors in by_path.items():
        if path in outer and _only_types(errors):
            continue  # the other branch of a union got further
        found.append(_misfit(path, errors, data))
    return found


def _path(error: ErrorDetails, data: Any) -> Path:
    """The error's place in the data, without the tags and branch names that pydantic puts in between."""
    path: list[str | int] = []
    current = data
    for index, part in enumerate(error["loc"]):
        last = index == len(error["loc"]) - 1
        if index == TAG and path[0] in TAGGED and part in _TAGS:
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


def _misfit(path: Path, errors: list[ErrorDetails], data: Any) -> SchemaError:
    expected = list(dict.fromkeys(word for error in errors if (word := _expected(error))))
    telling = [error for error in errors if not _expected(error)]
    if not telling:
        given = errors[0]["input"]
        message = f"takes {' or '.join(expected)}, not {shown(given)}"
        return SchemaError(Finding(path, message, _written(expected, given, path, data)))
    error = telling[0]
    context = error.get("ctx", {})
    match error["type"]:
        case "missing":
            return SchemaError(Finding(path, "is missing", _description(path, data)), "missing")
        case "extra_forbidden":
            fields = _model_at(path[:-1], data).model_fields.items()
            known = tuple(field.alias or name for name, field in fields)
            remedy = nearest(str(path[-1]), known, "keys")
            return SchemaError(Finding(path, f'unknown key "{path[-1]}"', remedy), "key", known)
        case "union_tag_not_found":
            return _untagged(path, error, context["discriminator"].strip("'"))
        case "union_tag_invalid":
            word, given = context["discriminator"].strip("'"), str(context["tag"])
            known = _tags(error)
            remedy = nearest(given, known, f"{word}s")
            return SchemaError(
                Finding((*path, word), f"unknown {word} {shown(given)}", remedy), "word", known
            )
        case _:
            return _unnamed(path, error) or SchemaError(Finding(path, _limit(error, context)))


def _written(expected: list[str], given: Any, path: Path, data: Any) -> str:
    """A remedy: how the value is written as what its place takes."""
    match given:
        case bool() | int() | float() if "a text" in expected:
            return f'write "{json.dumps(given)}"'
        case str() if ("true or false" in expected and given in ("true", "false")) or (
            "a whole number" in expected and given.isdecimal()
        ):
            return f"write {given}, without quotes"
        case str() if path[:1] == ("triggers",) and len(path) == 2:
            return f"write {{type: {given}}}"
        case str() if "a list" in expected:
            return f"write [{given}]"
        case dict() if "a list" in expected:
            return 'begin each entry with "- "'
    if "a mapping" not in expected:
        return ""
    fields = [field for model in _models_of(path, data) for field in model.model_fields]
    more = ", without a - before it" if isinstance(given, list) else ""
    return f"keys: {', '.join(fields)}" if fields else f"write name: value{more}"


def _models_of(path: Path, data: Any) -> list[type[BaseModel]]:
    """Of the mapping that a field takes, where it has fields of its own and there is one kind of it."""
    field = _model_at(path[:-1], data).model_fields.get(str(path[-1])) if path else None
    found = list(models(field.annotation)) if field else []
    return found if len(found) == 1 else []


def _unnamed(path: Path, error: ErrorDetails) -> SchemaError | None:
    """A stage under a name that is none, and would be one in small letters with hyphens."""
    name = re.sub(r"[^a-z0-9]+", "-", str(path[-1]).lower()).strip("-") if path else ""
    if len(path) != 2 or path[0] != "stages" or error["loc"][-1] != "[key]" or not re.match("[a-z]", name):
        return None
    return SchemaError(Finding(path, _limit(error, error.get("ctx", {})), f"write {name}"), "key", (name,))


def _untagged(path: Path, error: ErrorDetails, word: str) -> SchemaError:
    """No `kind` or `type`, or one under a misspelt key."""
    if written := next((key for key in error["input"] if closest_match(str(key), [word], LIKELY_TYPO)), None):
        finding = Finding((*path, written), f'unknown key "{written}"', f'did you mean "{word}"?')
        return SchemaError(finding, "key", (word,))
    remedy = f"{word}s: {', '.join(_tags(error))}"
    return SchemaError(Finding((*path, word), "is missing", remedy), "missing")


def _expected(error: ErrorDetails) -> str:
    """What the branch of a union takes; nothing where the type is right and the value is not."""
    if error["type"] == "string_pattern_mismatch" and error["ctx"]["pattern"] == REFERENCE:
        return NAME_RULES[REFERENCE]
    return _EXPECTED.get(error["type"], "")


def _limit(error: ErrorDetails, context: Mapping[str, Any]) -> str:
    given = shown(error["input"])
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


def shown(value: Any) -> str:
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


def type_of(value: Any) -> str:
    """The type of a parameter's value, in words."""
    match value:
        case bool():
            return "true or false"
        case int():
            return "a number"
        case float() if value - value == 0:
            return "a number"
        case str():
            return "a text"
        case _:
            return "something else"


def _tags(error: ErrorDetails) -> tuple[str, ...]:
    """Of a union whose branches are told apart by one field: what that field may say."""
    match error["loc"]:
        case ("stages", _):
            return tuple(KINDS)
        case ("triggers", _):
            return tuple(TRIGGERS)
        case ("stages", _, kind, field, _):
            return KINDS[str(kind)].schema.tagged_fields[str(field)]
        case place:
            raise AssertionError(f"no tags at {place}")


def _model_at(path: Path, data: Any) -> type[BaseModel]:
    """The model of the mapping at `path`; of a union's models the one that `kind` or `type` names."""
    model: type[BaseModel] = Pipeline
    candidates: list[type[BaseModel]] = [Pipeline]
    current = data
    for part in path:
        current = current[part]
        if part in model.model_fields:
            candidates = list(models(model.model_fields[str(part)].annotation))
        if isinstance(current, dict) and candidates:
            model = next((each for each in candidates if _is_meant(each, current)), candidates[0])
    return model


def models(annotation: Any) -> Iterator[type[BaseModel]]:
    """Every model within a field's type."""
    if isinstance(annotation, type) and issubclass(annotation, Model):
        yield annotation
    for part in get_args(annotation):
        yield from models(part)


def _is_meant(model: type[BaseModel], data: Mapping[str, Any]) -> bool:
    """Whether `kind` or `type` in the data is the one that the model has."""
    tags = [(name, model.model_fields[name]) for name in ("kind", "type") if name in model.model_fields]
    return any(data.get(name) in get_args(field.annotation) for name, field in tags)


def _description(path: Path, data: Any) -> str:
    from stagewright.document.field_descriptions import describe

    return describe(_model_at(path[:-1], data), str(path[-1]))
