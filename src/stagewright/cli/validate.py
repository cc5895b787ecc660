"""Nothing is contacted and nothing is written. Overlays in `environments/` are checked too, and whether
upstream triggers form a circle with pipelines in folders beside this one's. Exit code 2 when the document, an
overlay or a file that they name is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stagewright.cli import documents, output
from stagewright.cli.options import Document, Json
from stagewright.errors import DocumentError, Problem

if TYPE_CHECKING:
    from stagewright.spec.findings import Finding
    from stagewright.spec.pipeline import Pipeline


def command(place: Document, as_json: Json = False) -> None:
    from stagewright import specfile
    from stagewright.run.named_files import code_findings, sample_findings

    path = documents.path_of(place)
    pipeline = specfile.read(path, code_findings, sample_findings, circle_findings)
    check_overlays(path, pipeline)
    if as_json:
        output.print_json({"valid": True, "pipeline": pipeline.name, "stages": list(pipeline.stages)})
    else:
        stages = ", ".join(
            name if stage.enabled else f"{name} (off)" for name, stage in pipeline.stages.items()
        )
        output.say(f"{pipeline.name} is valid: {stages}")


def circle_findings(folder: Path, data: Mapping[str, Any]) -> Iterator[Finding]:
    """Circles with the pipelines whose documents are in folders of their names, beside `folder`."""
    from stagewright import specfile
    from stagewright.spec import circles

    def before(pipeline: str) -> list[str]:
        path = documents.find(str(folder.resolve().parent / pipeline))
        with suppress(DocumentError):  # it is wrong by itself, which is told where that one is validated
            return [name for _, name in circles.upstreams(specfile.data_of(path) if path else {})]
        return []

    yield from circles.circle_findings(data, before)


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
