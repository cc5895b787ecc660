"""The document's JSON Schema, for editors and other tools."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from stagewright.document.field_descriptions import describe
from stagewright.document.pipeline import Pipeline
from stagewright.syntax.fields import Model

SCHEMA_ID = "urn:stagewright:pipeline:1"


def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of types, names and limits. Only `load` checks references."""
    generated = Pipeline.model_json_schema(mode="validation")
    _describe(generated, Pipeline)
    for model in _subclasses(Model):
        if model.__name__ in generated["$defs"]:
            _describe(generated["$defs"][model.__name__], model)
    for part in _parts(generated):
        _clean(part)
        if "patternProperties" in part:
            part["additionalProperties"] = False  # otherwise any other key is accepted
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        **generated,
        "title": "Stagewright pipeline",
    }


def _subclasses(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for subclass in model.__subclasses__():
        yield subclass
        yield from _subclasses(subclass)


def _describe(part: dict[str, Any], model: type[BaseModel]) -> None:
    for name, field in model.model_fields.items():
        if description := describe(model, name):
            part["properties"][field.alias or name]["description"] = description


def _parts(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for item in value.values():
            yield from _parts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _parts(item)


def _clean(part: dict[str, Any]) -> None:
    """Remove pydantic's titles, which repeat the key, and line breaks in descriptions."""
    if isinstance(part.get("title"), str):
        del part["title"]
    if isinstance(part.get("description"), str):
        part["description"] = " ".join(part["description"].split())
