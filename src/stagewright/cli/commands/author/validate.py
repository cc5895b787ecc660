"""Contacts no target and writes nothing. The command also checks the overlays in `environments/`, and that
stagewright.toml or infra/envs/*.tfvars describes the environment of each. Upstream triggers must not form a
cycle with the pipelines in sibling folders. Two folders in `pipelines/` must not hold documents with the same
name. Exit code 2 if the document, an overlay or a file that they name is invalid.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from stagewright.api import documents, overlays
from stagewright.cli.common import output
from stagewright.cli.common.options import Document, Json
from stagewright.errors import DocumentError, Problem

if TYPE_CHECKING:
    from stagewright.document.pipeline import Pipeline


def command(document: Document, as_json: Json = False) -> None:
    pipeline, warnings = validate(documents.path_of(document))
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


def validate(path: Path) -> tuple[Pipeline, list[Problem]]:
    """The document and its warnings. DocumentError lists every problem of the document and its overlays."""
    from stagewright.api.sibling_checks import cycle_findings, duplicate_name_findings
    from stagewright.document.doubtful_metrics import doubtful_metrics, metrics
    from stagewright.document.file import located, read_document, read_overlay
    from stagewright.document.secrets import exposed_secrets, written_values
    from stagewright.runs.releases.named_files import code_findings, sample_findings

    problems: list[Problem] = []
    warnings: list[Problem] = []
    checks = (code_findings, sample_findings, cycle_findings, duplicate_name_findings)
    try:
        pipeline = read_document(path, *checks)
        warnings += located(exposed_secrets(written_values(pipeline)), path)
        warnings += located(doubtful_metrics(metrics(pipeline)), path)
    except DocumentError as error:
        problems += error.problems
        pipeline = None
    for file in overlays.overlays(path):
        try:
            overlay = read_overlay(file, path.parent, pipeline, code_findings)
            if pipeline:
                warnings += located((*exposed_secrets(overlay), *doubtful_metrics(overlay)), file)
        except DocumentError as error:
            problems += error.problems
    if pipeline:
        warnings += _code_warnings(path, pipeline, problems)
    findings = list(overlays.unread_files(path))
    problems += [finding.problem for finding in findings if finding.is_error]
    if problems or pipeline is None:
        raise DocumentError(tuple(dict.fromkeys(problems)))
    warnings += [finding.problem for finding in findings]
    return pipeline, list(dict.fromkeys(warnings))


def _code_warnings(path: Path, pipeline: Pipeline, problems: list[Problem]) -> Iterator[Problem]:
    """Yield the warnings about the code, of the document and with each overlay. Adds errors to `problems`."""
    from stagewright.api.source import Source
    from stagewright.runs.releases.code_folder import scan

    source = Source(path, pipeline, scan(path.parent / pipeline.code))
    for environment in ("", *(file.stem for file in overlays.overlays(path))):
        try:
            yield from source.check(source.in_environment(environment))
        except DocumentError as error:
            problems += error.problems
