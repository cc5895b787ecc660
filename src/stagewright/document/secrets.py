"""Secrets in a document: everybody has them who may read it, or describe the jobs that it makes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from stagewright.document.pipeline import Pipeline
from stagewright.errors import Problem
from stagewright.syntax.findings import Finding, Path, problems

REMEDY = (
    "keep it in Secrets Manager or SSM Parameter Store, and let the script read it with the job's role;"
    " a secret that was pushed is known, so change it"
)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SECRET = re.compile(
    r"(password|passwd|passphrase|(^|_)(pwd|secret|token|credentials?|(api|access|private|secret|signing"
    r"|encryption)_?key))_?\d*$",
    re.IGNORECASE,
)
"""At the end of a name: DB_SECRET_NAME and MAX_TOKENS hold none."""
_HARMLESS = re.compile(r"(arn:.*|true|false|\d*|.*\$\{.*)", re.IGNORECASE | re.DOTALL)
"""Where a secret is, a switch, a number, nothing; and what a reference gives, which is not known yet."""


def environments(pipeline: Pipeline) -> Mapping[str, Any]:
    """The document's `environment` blocks, in their places."""
    return pipeline.model_dump(
        mode="json",
        exclude_unset=True,
        include={"defaults": {"environment": True}, "stages": {"__all__": {"environment": True}}},
    )


def exposed_secrets(document: Mapping[str, Any], file: str = "") -> tuple[Problem, ...]:
    """Environment variables, of the defaults and of stages, that hold a secret by their names. The value is
    never told. `document` is a correct one, or the part of one that an overlay is."""
    return problems(_findings(document), file=file)


def _findings(document: Mapping[str, Any]) -> Iterator[Finding]:
    places: dict[Path, Any] = {("defaults",): document.get("defaults")}
    places |= {("stages", name): stage for name, stage in document.get("stages", {}).items()}
    for path, place in places.items():
        for name, value in (place or {}).get("environment", {}).items():
            if _SECRET.search(_HUMP.sub("_", name)) and not _HARMLESS.fullmatch(str(value)):
                yield Finding((*path, "environment", name), "looks like a secret, in plain text", REMEDY)
