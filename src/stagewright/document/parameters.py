"""Parameters of one run: declared ones only, of the declared type."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from stagewright.document.canonical_json import normalized
from stagewright.document.checks import check
from stagewright.document.pipeline import Pipeline
from stagewright.document.schema_errors import shown, type_of
from stagewright.errors import DocumentError
from stagewright.syntax.fields import Scalar
from stagewright.syntax.findings import Finding, nearest, problems


def with_parameters(pipeline: Pipeline, given: Mapping[str, Any]) -> Pipeline:
    """The document with other values of its parameters, checked again as a whole.

    DocumentError where a parameter is not declared, or its value has another type. There is one type of
    number: JSON and Terraform store 1.0 as 1. A given value is a value: `${` in it is refused.
    """
    if not given:
        return pipeline
    if wrong := list(_wrong(pipeline, given)):
        raise DocumentError(problems(wrong))
    changed = pipeline.model_copy(update={"parameters": {**pipeline.parameters, **normalized(given)}})
    if found := check(changed):
        raise DocumentError(problems(found))
    return changed


def parse_parameter(text: str, declared: Scalar, name: str = "") -> Scalar:
    """`text` from a command line as a value of the type of `declared`; DocumentError where it is none."""
    path = ("parameters", name) if name else ("parameters",)
    if _is_broken(text):
        raise DocumentError(problems([Finding(path, "is no text in UTF-8", "write it in UTF-8")]))
    if isinstance(declared, str):
        return text
    value = _parsed(text)
    if isinstance(value, bool | int | float) and type_of(value) == type_of(declared):
        return value
    raise DocumentError(problems([Finding(path, f"takes {type_of(declared)}, not {shown(text)}")]))


def _is_broken(text: str) -> bool:
    """Python puts halves of surrogate pairs in place of a command line's bytes that are no UTF-8."""
    return any("\ud800" <= character <= "\udfff" for character in text)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _wrong(pipeline: Pipeline, given: Mapping[str, Any]) -> Iterator[Finding]:
    for name, value in given.items():
        path = ("parameters", name)
        if name not in pipeline.parameters:
            remedy = nearest(name, pipeline.parameters, "declared") or "the document declares none"
            yield Finding(path, "no such parameter", remedy)
        elif (expected := type_of(pipeline.parameters[name])) != type_of(value):
            yield Finding(path, f"takes {expected}, not {shown(value)}")
        elif isinstance(value, str) and "${" in value:
            yield Finding(path, "a given value takes no references", "write the value itself")
