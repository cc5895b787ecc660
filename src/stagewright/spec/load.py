"""Data (from YAML, JSON or a table) -> a checked document, or every problem at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from stagewright.errors import DocumentError
from stagewright.spec.canonical import plain
from stagewright.spec.checks import check
from stagewright.spec.findings import Finding, Lines, problems
from stagewright.spec.pipeline import Pipeline
from stagewright.spec.shape import shape_findings

__all__ = ["Lines", "load"]

JUDGED_WITH = frozenset(("parameters", "defaults"))
"""Without these, whatever is said about a stage may be wrong."""


def load(data: Mapping[str, Any], lines: Lines | None = None, file: str = "") -> Pipeline:
    """The document that `data` says. DocumentError carries all problems, with file and line where known.

    Whole floats become integers and text Unicode's NFC, as every store of documents gives them back.
    """
    given = plain(data)
    try:
        pipeline = Pipeline.model_validate(given)
        found = check(pipeline)
    except ValidationError as error:
        shape = shape_findings(error, given)
        raise DocumentError(problems([*shape, *_further(given, shape)], lines, file)) from None
    if found:
        raise DocumentError(problems(found, lines, file))
    return pipeline


def _further(data: Any, shape: list[Finding]) -> Iterator[Finding]:
    """What is wrong in the part of the document that has the right shape.

    Nothing where stages cannot be judged: `parameters` or `defaults` are wrong, or perhaps misspelt.
    """
    if not isinstance(data, dict) or not isinstance(stages := data.get("stages"), dict):
        return
    wrong = {found.path[0] for found in shape if found.path} - {"stages"}
    unknown = wrong - Pipeline.model_fields.keys()
    if wrong & JUDGED_WITH or (unknown and not data.keys() >= JUDGED_WITH):
        return
    wrong_stages = {
        str(found.path[1]) for found in shape if found.path[0] == "stages" and len(found.path) > 1
    }
    rest = {key: value for key, value in data.items() if key not in wrong}
    rest["stages"] = {name: stage for name, stage in stages.items() if name not in wrong_stages}
    try:
        yield from check(Pipeline.model_validate({"name": "unnamed", **rest}), frozenset(wrong_stages))
    except ValidationError:
        return
