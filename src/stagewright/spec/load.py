"""Data (from YAML, JSON or a table) -> a checked document, or every problem at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from stagewright.errors import DocumentError
from stagewright.spec.canonical import plain
from stagewright.spec.checks import check
from stagewright.spec.findings import Lines, problems
from stagewright.spec.mended import Mended
from stagewright.spec.pipeline import Pipeline

__all__ = ["Lines", "load"]


def load(data: Mapping[str, Any], lines: Lines | None = None, file: str = "") -> Pipeline:
    """The document that `data` says. DocumentError carries all problems, with file and line where known.

    Whole floats become integers and text Unicode's NFC, as every store of documents gives them back.
    """
    given = plain(data)
    try:
        pipeline = Pipeline.model_validate(given)
        found = check(pipeline)
    except ValidationError as error:
        raise DocumentError(problems(Mended(given).findings(error), lines, file)) from None
    if found:
        raise DocumentError(problems(found, lines, file))
    return pipeline
