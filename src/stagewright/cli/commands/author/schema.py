"""Editors that use the YAML language server complete and check documents with this schema."""

from __future__ import annotations

from stagewright.cli.common import output
from stagewright.cli.common.options import Json


def command(_as_json: Json = True) -> None:
    from stagewright.document.json_schema import schema

    output.print_json(schema())
