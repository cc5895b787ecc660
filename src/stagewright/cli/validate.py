"""Nothing is contacted and nothing is written. Overlays in `environments/` are checked too. Exit code 2 when
the document, an overlay or a file that they name is wrong.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from stagewright.cli import documents, output
from stagewright.cli.options import Document, Json
from stagewright.errors import DocumentError, Problem

if TYPE_CHECKING:
    from stagewright.spec.pipeline import Pipeline


def command(place: Document, as_json: Json = False) -> None:
    from stagewright import specfile
    from stagewright.run.named_files import code_findings, sample_findings

    path = documents.path_of(place)
    pipeline = specfile.read(path, code_findings, sample_findings)
    check_overlays(path, pipeline)
    if as_json:
        output.print_json({"valid": True, "pipeline": pipeline.name, "stages": list(pipeline.stages)})
    else:
        stages = ", ".join(
            name if stage.enabled else f"{name} (off)" for name, stage in pipeline.stages.items()
        )
        output.say(f"{pipeline.name} is valid: {stages}")


def check_overlays(path: Path, pipeline: Pipeline) -> None:
    """DocumentError with what is wrong in all of them."""
    from stagewright import specfile
    from stagewright.cli.launch import overlays
    from stagewright.run.named_files import code_findings

    wrong: list[Problem] = []
    for file in overlays(path):
        try:
            specfile.read_overlay(file, path.parent, pipeline, code_findings)
        except DocumentError as error:
            wrong += error.problems
    if wrong:
        raise DocumentError(tuple(wrong))
