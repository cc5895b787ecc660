"""Find secrets in environment variables. Everyone who may read a document or describe its jobs can see
them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from stagewright.document.pipeline import Pipeline
from stagewright.errors import Problem
from stagewright.syntax.findings import Finding, Path, problems

REMEDY = (
    "keep it in Secrets Manager or SSM Parameter Store, and let the script read it with the job's role;"
    " a secret that was pushed is exposed, so rotate it"
)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SECRET = re.compile(
    r"(password|passwd|passphrase|(^|_)(pwd|secret|token|credentials?|(api|access|private|secret|signing"
    r"|encryption)_?key))_?\d*$",
    re.IGNORECASE,
)
"""Matches at the end of a name only: DB_SECRET_NAME and MAX_TOKENS are not secrets."""
_HARMLESS = re.compile(r"(arn:.*|true|false|\d*|.*\$\{.*)", re.IGNORECASE | re.DOTALL)
"""Values that are not secrets: an ARN, a boolean, a number, an empty text, and a reference."""


def environments(pipeline: Pipeline) -> Mapping[str, Any]:
    """Return the part of the document that consists of its `environment` blocks."""
    return pipeline.model_dump(
        mode="json",
        exclude_unset=True,
        include={"defaults": {"environment": True}, "stages": {"__all__": {"environment": True}}},
    )


def exposed_secrets(document: Mapping[str, Any], file: str = "") -> tuple[Problem, ...]:
    """Return a problem for each environment variable whose name suggests a secret. Values are not shown.

    `document`: a valid document, or a part of one such as an overlay.
    """
    return problems(_findings(document), file=file)


def _findings(document: Mapping[str, Any]) -> Iterator[Finding]:
    blocks: dict[Path, Any] = {("defaults",): document.get("defaults")}
    blocks |= {("stages", name): stage for name, stage in document.get("stages", {}).items()}
    for path, block in blocks.items():
        for name, value in (block or {}).get("environment", {}).items():
            if _SECRET.search(_HUMP.sub("_", name)) and not _HARMLESS.fullmatch(str(value)):
                yield Finding((*path, "environment", name), "looks like a secret in plain text", REMEDY)
