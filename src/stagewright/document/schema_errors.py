"""Schema errors: pydantic's validation errors as findings, in plain words and at paths of the document."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from stagewright.document.pipeline import Pipeline
from stagewright.document.triggers import TRIGGERS
from stagewright.stages.registry import KINDS
from stagewright.syntax.fields import NAME_RULES, REFERENCE, Model
from stagewright.syntax.findings import LIKELY_TYPO, Finding, Path, closest_match, nearest

TAGGED = ("stages", "triggers")
TAG = 2
"""Index of the kind or type in pydantic's locations: ("stages", "train", "training", ...)."""

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
    """A finding about the schema.

    Fields:
        what: An unknown key, an unknown word (a kind or type), a missing key, or any other invalid value.
        known: The valid keys or words.
    """

    finding: Finding
    what: Literal["key", "word", "missing", "value"] = "value"
    known: tuple[str, ...] = ()


def schema_errors(error: ValidationError, data: Any) -> list[SchemaError]:
    """Return one error for each path. For a union, only the branch that matches best is reported."""
    by_path: dict[Path, list[ErrorDetails]] = {}
    for details in error.errors(include_url=False):
        by_path.setdefault(_path(details, data), []).append(details)
    outer = {path[:length] for path in by_path for length in range(len(path))}
    return [
        _schema_error(path, errors, data)
        for path, errors in by_path.items()
        if not (path in outer and all(map(_follows_from_inner, errors)))
    ]


def _path(error: ErrorDetails, data: Any) -> Path:
    """Return the error's path in the data, without the tags and branch names of pydantic's locations."""
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


def _follows_from_inner(error: ErrorDetails) -> bool:
    """Return whether an error inside the value explains this one.

    Another branch of a union matched further inside, or invalid entries were not counted.
    """
    return error["type"] in _EXPECTED or error["type"] == "too_short"


def _schema_error(path: Path, errors: list[ErrorDetails], data: Any) -> SchemaError:
    expected = list(dict.fromkeys(word for error in errors if (word := _expected(error))))
    specific = [error for error in errors if not _expected(error)]
    if not specific:
        value = errors[0]["input"]
        message = f"must be {' or '.join(expected)}, not {shown(value)}"
        return SchemaError(Finding(path, message, _type_remedy(expected, value, path, data)))
    error = specific[0]
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
            word, tag = context["discriminator"].strip("'"), str(context["tag"])
            known = _tags(error)
            remedy = nearest(tag, known, f"{word}s")
            return SchemaError(Finding((*path, word), f"unknown {word} {shown(tag)}", remedy), "word", known)
        case _:
            return _invalid_stage_name(path, error) or SchemaError(Finding(path, _limit(error, context)))


def _type_remedy(expected: list[str], value: Any, path: Path, data: Any) -> str:
    """Return a remedy: how to write the value as the expected type."""
    match value:
        case bool() | int() | float() if "a text" in expected:
            return f'write "{json.dumps(value)}"'
        case str() if ("true or false" in expected and value in ("true", "false")) or (
            "a whole number" in expected and value.isdecimal()
        ):
            return f"write {value}, without quotes"
        case str() if path[:1] == ("triggers",) and len(path) == 2:
            return f"write {{type: {value}}}"
        case str() if "a list" in expected:
            return f"write [{value}]"
        case dict() if "a list" in expected:
            return 'begin each entry with "- "'
    if "a mapping" not in expected:
        return ""
    fields = [field for model in _models_of(path, data) for field in model.model_fields]
    more = ", without a - before it" if isinstance(value, list) else ""
    return f"keys: {', '.join(fields)}" if fields else f"write name: value{more}"


def _models_of(path: Path, data: Any) -> list[type[BaseModel]]:
    """Return the model of a field's value, if there is exactly one. A mapping of models is not a model."""
    field = _model_at(path[:-1], data).model_fields.get(str(path[-1])) if path else None
    is_mapping = field and get_origin(field.annotation) in (Mapping, dict)
    candidates = list(models(field.annotation)) if field and not is_mapping else []
    return candidates if len(candidates) == 1 else []


def _invalid_stage_name(path: Path, error: ErrorDetails) -> SchemaError | None:
    """Return the error for a stage name that would be valid with lowercase letters and hyphens."""
    name = re.sub(r"[^a-z0-9]+", "-", str(path[-1]).lower()).strip("-") if path else ""
    if len(path) != 2 or path[0] != "stages" or error["loc"][-1] != "[key]" or not re.match("[a-z]", name):
        return None
    return SchemaError(Finding(path, _limit(error, error.get("ctx", {})), f"write {name}"), "key", (name,))


def _untagged(path: Path, error: ErrorDetails, word: str) -> SchemaError:
    """Return the error for a missing `kind` or `type`, or for one with a misspelled key."""
    if misspelled := next(
        (key for key in error["input"] if closest_match(str(key), [word], LIKELY_TYPO)), None
    ):
        finding = Finding((*path, misspelled), f'unknown key "{misspelled}"', f'did you mean "{word}"?')
        return SchemaError(finding, "key", (word,))
    remedy = f"{word}s: {', '.join(_tags(error))}"
    return SchemaError(Finding((*path, word), "is missing", remedy), "missing")


def _expected(error: ErrorDetails) -> str:
    """Return the expected type, or "" if the type is right and only the value is wrong."""
    if error["type"] == "string_pattern_mismatch" and error["ctx"]["pattern"] == REFERENCE:
        return NAME_RULES[REFERENCE]
    return _EXPECTED.get(error["type"], "")


def _limit(error: ErrorDetails, context: Mapping[str, Any]) -> str:
    value = shown(error["input"])
    match error["type"]:
        case "string_pattern_mismatch":
            return f"{value} must consist of {NAME_RULES[context['pattern']]}"
        case "string_too_long":
            return f"{value} has {len(error['input'])} characters; the maximum is {context['max_length']}"
        case "greater_than_equal":
            return f"must be at least {context['ge']:,}, not {value}"
        case "less_than_equal":
            return f"must be at most {context['le']:,}, not {value}"
        case "too_short":
            return "is empty"
        case "too_long":
            count = context["actual_length"] or "too many"
            return f"has {count} entries; the maximum is {context['max_length']:,}"
        case "literal_error":
            return f"must be {context['expected']}, not {value}"
        case _:
            return f"{error['msg']}, not {value}"


def shown(value: Any) -> str:
    """Return a value in the words of a message."""
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
    """Return the type of a parameter's value in words."""
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
    """Return the valid values of the field that selects the branch of a union."""
    match error["loc"]:
        case ("stages", _):
            return tuple(KINDS)
        case ("triggers", _):
            return tuple(TRIGGERS)
        case ("stages", _, kind, field, _):
            return KINDS[str(kind)].schema.tagged_fields[str(field)]
        case location:
            raise AssertionError(f"no tags at {location}")


def _model_at(path: Path, data: Any) -> type[BaseModel]:
    """Return the model of the mapping at `path`. In a union, `kind` or `type` selects it."""
    model: type[BaseModel] = Pipeline
    candidates: list[type[BaseModel]] = [Pipeline]
    current = data
    for part in path:
        current = current[part]
        if part in model.model_fields:
            candidates = list(models(model.model_fields[str(part)].annotation))
        if isinstance(current, dict) and candidates:
            model = next((item for item in candidates if _is_selected(item, current)), candidates[0])
    return model


def models(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield every model within a field's type."""
    if isinstance(annotation, type) and issubclass(annotation, Model):
        yield annotation
    for part in get_args(annotation):
        yield from models(part)


def _is_selected(model: type[BaseModel], data: Mapping[str, Any]) -> bool:
    """Return whether `kind` or `type` in the data selects this model."""
    tags = [(name, model.model_fields[name]) for name in ("kind", "type") if name in model.model_fields]
    return any(data.get(name) in get_args(field.annotation) for name, field in tags)


def _description(path: Path, data: Any) -> str:
    from stagewright.document.field_descriptions import describe

    return describe(_model_at(path[:-1], data), str(path[-1]))
