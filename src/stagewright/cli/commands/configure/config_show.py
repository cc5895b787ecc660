"""The layers are `base`, the document of the repository; `environment`, the overlay of the target's
environment; and `overrides`, the settings that `stagewright set` or an edit of the table changes.
Exit code 2 if the merged document is invalid.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stagewright.api import documents, unpushed
from stagewright.api.target import LOCAL, existing_session
from stagewright.cli.common import output
from stagewright.cli.common.options import Json, PipelineName, TargetName
from stagewright.errors import DocumentError

if TYPE_CHECKING:
    from stagewright.document.layers import Layers

HEADER = ("setting", "value", "layer")


def command(pipeline: PipelineName, target: TargetName = LOCAL, as_json: Json = False) -> None:
    from stagewright.runs.documents import layers, overrides

    with existing_session(target) as connected:
        name = documents.name_of(pipeline)
        stored = layers.read(connected.gateway, name)
        unpushed.warn(connected, name, pipeline)
        problems = overrides.find_problems(connected.gateway, stored)
    if as_json and not problems:
        print_json(stored)
    elif not as_json:
        print_table(stored)
    if problems:
        raise DocumentError(problems)


def print_table(stored: Layers) -> None:
    from stagewright.document.assignments import format_path
    from stagewright.document.effective_diff import format_value
    from stagewright.document.merge import leaves
    from stagewright.document.overrides import readable

    rows = [
        (format_path(path), format_value(value), stored.source(path))
        for path, value in leaves(readable(stored.document()))
    ]
    output.table(HEADER, rows)
    if stored.overrides.content:
        output.note(f"overrides: version {stored.overrides.version}, {stored.overrides_author}")


def print_json(stored: Layers) -> None:
    from stagewright.document.assignments import format_path
    from stagewright.document.merge import leaves

    document = stored.document()
    sources = {format_path(path): stored.source(path) for path, _ in leaves(document)}
    changed = {path: layer for path, layer in sources.items() if layer != "base"}
    output.print_json(
        {
            "pipeline": stored.pipeline,
            "document": document,
            "layers": changed,
            "version": stored.overrides.version,
            "overrides_by": stored.overrides_author,
        }
    )
