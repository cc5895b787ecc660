"""Placeholders `${name}`: what they stand for, and how they are filled in.

The syntax is Terraform's `templatefile`. Only the form with braces counts, since JSONata is full of bare
`$name`.
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
"""The installation of the artifacts: every value is its own placeholder."""

_PLACEHOLDER = re.compile(r"\$\{([^}]*)\}?")


def values(installation: Installation) -> dict[str, str]:
    """Every placeholder, with its value in this installation."""
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
    """`text` with every placeholder replaced, once. TargetError names those that are unknown."""
    known = values(installation)
    unknown = sorted({name for name in _PLACEHOLDER.findall(text) if name not in known})
    if unknown:
        names = ", ".join(f"${{{name}}}" for name in unknown)
        raise TargetError(f"unknown placeholder {names}", f"known are {', '.join(sorted(known))}")
    return _PLACEHOLDER.sub(lambda found: known[found[1]], text)
