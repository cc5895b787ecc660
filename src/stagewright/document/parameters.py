"""Parameters of one run. Each must be declared in the document and keep its type."""

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


def with_parameters(pipeline: Pipeline, parameters: Mapping[str, Any]) -> Pipeline:
    """Return the document with these parameters, checked again as a whole.

    Raises DocumentError if a parameter is not declared, has another type or contains a reference. Whole and
    fractional numbers are one type, since JSON and Terraform store 1.0 as 1.
    """
    if not parameters:
        return pipeline
    if findings := list(_findings(pipeline, parameters)):
        raise DocumentError(problems(findings))
    changed = pipeline.model_copy(update={"parameters": {**pipeline.parameters, **normalized(parameters)}})
    if findings := check(changed):
        raise DocumentError(problems(findings))
    return changed


def parse_parameter(text: str, declared: Scalar, name: str = "") -> Scalar:
    """Parse a command-line value as the type of `declared`. Raises DocumentError if it has another type."""
    path = ("parameters", name) if name else ("parameters",)
    if _is_broken(text):
        raise DocumentError(problems([Finding(path, "is not valid UTF-8", "encode it in UTF-8")]))
    if isinstance(declared, str):
        return text
    value = _parsed(text)
    if isinstance(value, bool | int | float) and type_of(value) == type_of(declared):
        return value
    raise DocumentError(problems([Finding(path, f"must be {type_of(declared)}, not {shown(text)}")]))


def _is_broken(text: str) -> bool:
    """Return whether `text` has lone surrogates: Python decodes invalid UTF-8 of a command line to these."""
    return any("\ud800" <= character <= "\udfff" for character in text)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _findings(pipeline: Pipeline, parameters: Mapping[str, Any]) -> Iterator[Finding]:
    for name, value in parameters.items():
        path = ("parameters", name)
        if name not in pipeline.parameters:
            remedy = nearest(name, pipeline.parameters, "declared") or "the document declares none"
            yield Finding(path, "no such parameter", remedy)
        elif (expected := type_of(pipeline.parameters[name])) != type_of(value):
            yield Finding(path, f"must be {expected}, not {shown(value)}")
        elif isinstance(value, str) and "${" in value:
            yield Finding(path, "a parameter of a run cannot contain references", "write the value itself")
