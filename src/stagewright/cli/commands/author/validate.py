"""Nothing is contacted and nothing is written. Overlays in `environments/` are checked too, and whether
their environments are known, from stagewright.toml and infra/envs/*.tfvars. Upstream triggers may not form a
circle with the pipelines in the folders beside this one's, and no two folders in `pipelines/` may have the
same name in their documents. Exit code 2 when the document, an overlay or a file that they name is wrong.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from stagewright.cli.common import documents, output, overlays
from stagewright.cli.common.options import Document, Json
from stagewright.errors import DocumentError, Problem

if TYPE_CHECKING:
    from stagewright.document.pipeline import Pipeline


def command(place: Document, as_json: Json = False) -> None:
    path = documents.path_of(place)
    pipeline, warnings = checked(path)
    for warning in warnings:
        output.note(f"warning: {warning}")
    if as_json:
        output.print_json(
            {
                "valid": True,
                "pipeline": pipeline.name,
                "stages": list(pipeline.stages),
                "warnings": [str(warning) for warning in warnings],
            }
        )
    else:
        stages = ", ".join(
            name if stage.enabled else f"{name} (off)" for name, stage in pipeline.stages.items()
        )
        output.print_line(f"{pipeline.name} is valid: {stages}")


def checked(path: Path) -> tuple[Pipeline, list[Problem]]:
    """The document, and what to warn of. DocumentError with what is wrong in it and in its overlays."""
    from stagewright.cli.common.sibling_checks import cycle_findings, duplicate_name_findings
    from stagewright.document.file import read_document, read_overlay
    from stagewright.document.secrets import environments, exposed_secrets
    from stagewright.runs.releases.named_files import code_findings, sample_findings

    wrong: list[Problem] = []
    doubts: list[Problem] = []
    try:
        pipeline = read_document(
            path, code_findings, sample_findings, cycle_findings, duplicate_name_findings
        )
        doubts += exposed_secrets(environments(pipeline), str(path))
    except DocumentError as error:
        wrong += error.problems
        pipeline = None
    for file in overlays.overlays(path):
        try:
            overlay = read_overlay(file, path.parent, pipeline, code_findings)
            doubts += exposed_secrets(overlay, str(file)) if pipeline else ()
        except DocumentError as error:
            wrong += error.problems
    strays = list(overlays.strays(path))
    wrong += [stray.problem for stray in strays if stray.sure]
    if wrong or pipeline is None:
        raise DocumentError(tuple(wrong))
    return pipeline, [*doubts, *(stray.problem for stray in strays)]
