"""Turn parsed data into a checked document, or report every problem at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from stagewright.document.canonical_json import normalized
from stagewright.document.checks import check
from stagewright.document.pipeline import Pipeline
from stagewright.errors import DocumentError
from stagewright.syntax.findings import Lines, problems


def load(data: Mapping[str, Any], lines: Lines | None = None, file: str = "") -> Pipeline:
    """Return the document in `data`, normalized (see `canonical_json.normalized`) and checked.

    Raises DocumentError with every problem, and with file and line if these are known.
    """
    document = normalized(data)
    try:
        pipeline = Pipeline.model_validate(document)
    except ValidationError as error:
        from stagewright.document.error_recovery import ErrorRecovery  # imported late: only errors need it

        raise DocumentError(problems(ErrorRecovery(document).findings(error), lines, file)) from None
    if findings := check(pipeline):
        raise DocumentError(problems(findings, lines, file))
    return pipeline
