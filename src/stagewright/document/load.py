"""Data (from YAML, JSON or a table) -> a checked document, or every problem at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from stagewright.document.canonical_json import normalized
from stagewright.document.checks import check
from stagewright.document.error_recovery import ErrorRecovery
from stagewright.document.pipeline import Pipeline
from stagewright.errors import DocumentError
from stagewright.syntax.findings import Lines, problems


def load(data: Mapping[str, Any], lines: Lines | None = None, file: str = "") -> Pipeline:
    """The document that `data` says. DocumentError carries all problems, with file and line where known.

    Whole floats become integers and text Unicode's NFC, as every store of documents gives them back.
    """
    given = normalized(data)
    try:
        pipeline = Pipeline.model_validate(given)
        found = check(pipeline)
    except ValidationError as error:
        raise DocumentError(problems(ErrorRecovery(given).findings(error), lines, file)) from None
    if found:
        raise DocumentError(problems(found, lines, file))
    return pipeline
