"""In Amazon States Language, with placeholders that each installation replaces."""

from __future__ import annotations

from stagewright.cli.common import output
from stagewright.cli.common.options import Json


def command(_as_json: Json = True) -> None:
    from stagewright.state_machine.builder import build

    output.print_json(build())
