"""The document's JSON Schema, for editors and for tools that check before we do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from stagewright.document.field_descriptions import describe
from stagewright.document.pipeline import Pipeline
from stagewright.syntax.fields import Model

SCHEMA_ID = "urn:stagewright:pipeline:1"


def schema() -> dict[str, Any]:
    """JSON Schema, draft 2020-12: shape, types, names and limits. References are checked by `load` alone."""
    made = Pipeline.model_json_schema(mode="validation")
    _describe(made, Pipeline)
    for model in _subclasses(Model):
        if model.__name__ in made["$defs"]:
            _describe(made["$defs"][model.__name__], model)
    for part in _parts(made):
        _plain_titles(part)
        if "patternProperties" in part:
            part["additionalProperties"] = False  # or any other key would pass
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        **made,
        "title": "Stagewright pipeline",
    }


def _subclasses(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for each in model.__subclasses__():
        yield each
        yield from _subclasses(each)


def _describe(part: dict[str, Any], model: type[BaseModel]) -> None:
    for name, field in model.model_fields.items():
        if description := describe(model, name):
            part["properties"][field.alias or name]["description"] = description


def _parts(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for each in value.values():
            yield from _parts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _parts(each)


def _plain_titles(part: dict[str, Any]) -> None:
    """Editors show a title above the description; pydantic's repeat the key."""
    if isinstance(part.get("title"), str):
        del part["title"]
    if isinstance(part.get("description"), str):
        part["description"] = " ".join(part["description"].split())
