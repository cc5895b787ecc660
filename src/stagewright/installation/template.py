"""The placeholders `${name}` in the artifacts.

The syntax is that of Terraform's `templatefile`. A `$name` without braces is no placeholder, because JSONata
uses it for variables.
"""

from __future__ import annotations

import re

from stagewright.errors import TargetError
from stagewright.naming import Installation

TEMPLATE = Installation(
    bucket="${bucket}",
    region="${region}",
    account="${account}",
    environment="${environment}",
    prefix="${prefix}",
    partition="${partition}",
)
"""The installation that the artifacts describe. Each value is its own placeholder."""

_PLACEHOLDER = re.compile(r"\$\{([^}]*)\}?")


def values(installation: Installation) -> dict[str, str]:
    """Return the value of every placeholder for this installation."""
    return {
        "bucket": installation.bucket,
        "region": installation.region,
        "account": installation.account,
        "environment": installation.environment,
        "prefix": installation.prefix,
        "partition": installation.partition,
        "documents_table": installation.documents_table,
        "runs_table": installation.runs_table,
    }


def fill(text: str, installation: Installation) -> str:
    """Return `text` with every placeholder replaced once. Raise TargetError for unknown placeholders."""
    known = values(installation)
    unknown = sorted({name for name in _PLACEHOLDER.findall(text) if name not in known})
    if unknown:
        names = ", ".join(f"${{{name}}}" for name in unknown)
        raise TargetError(f"unknown placeholder {names}", f"known are {', '.join(sorted(known))}")
    return _PLACEHOLDER.sub(lambda match: known[match[1]], text)
