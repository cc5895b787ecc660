"""SOURCE is one of these files:

\b
- a definition of SageMaker Pipelines: `pipeline.definition()`, or `aws sagemaker describe-pipeline`
- the input.yaml of mlops-stepfunctions in aiops-modules
- an item of the DynamoDB table of AWS's sample "Build a Reusable MLOps Framework for Amazon SageMaker":
  `aws dynamodb get-item`, or a file of the sample's folder dynamodb_items

The command creates a folder with pipeline.yaml and code, and lists what it changed, with reason and remedy.
Code comes from --scripts, else from S3 of the local server if one runs, or of --target. A step that has no
counterpart becomes an approval stage, and the exit code is 9.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stagewright.api.target import LOCAL, session, state_folder
from stagewright.cli.common import output
from stagewright.cli.common.command_hints import program
from stagewright.cli.common.options import Json, Parameters
from stagewright.errors import DocumentError, Problem, ReleaseError

if TYPE_CHECKING:
    from stagewright.migration.code_files import Fetch
    from stagewright.migration.converted import ConvertedPipeline

PARTIAL = 9
"""The exit code if something was not converted."""


def command(
    source: Annotated[Path, typer.Argument(metavar="SOURCE", help="A JSON or YAML file.")],
    scripts: Annotated[
        Path | None,
        typer.Option("--scripts", metavar="FOLDER", help="The code files, tarballs included."),
    ] = None,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FOLDER", help="A new folder. The default is ./<pipeline>.")
    ] = None,
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="The pipeline's name. The default is the source's.")
    ] = "",
    assignments: Parameters = [],  # noqa: B006 -- Typer copies it
    target: Annotated[
        str, typer.Option("--target", metavar="NAME", help="Also look for code in the S3 of this target.")
    ] = "",
    as_json: Json = False,
) -> None:
    from stagewright.local.replaced_images import local_overlay
    from stagewright.migration.sources import convert

    if scripts is not None and not scripts.is_dir():
        raise ReleaseError(f"{scripts} is not a folder", "give the folder with the code files")
    with code_in_s3(target) as fetch:
        result = convert(source, scripts, name, assignments, fetch)
    folder = to or Path(result.document["name"])
    overlay = local_overlay(result.document, state_folder())
    write(result, overlay, folder, source.name)
    if as_json:
        output.print_json(
            {
                "document": str(folder / "pipeline.yaml"),
                "files": sorted(result.files),
                "notes": result.notes,
                "unconverted": result.unconverted,
            }
        )
    else:
        _print(result, folder, has_overlay=bool(overlay))
    if result.unconverted:
        raise typer.Exit(PARTIAL)


def _print(result: ConvertedPipeline, folder: Path, *, has_overlay: bool) -> None:
    output.print_line(
        f"{folder / 'pipeline.yaml'} written, with {output.counted(len(result.files), 'code file')}"
    )
    if has_overlay:
        output.print_line(f"{folder / 'environments/local.yaml'}: sets images that this machine can provide")
    for title, notes in {"Converted with changes": result.notes, "Not converted": result.unconverted}.items():
        if notes:
            output.print_line(f"{title}:")
        for note in notes:
            output.print_line(f"  {note}")
    output.print_line(f"next: {program()} run {folder}")


@contextmanager
def code_in_s3(target: str) -> Iterator[Fetch]:
    """Finds files in the S3 of a target, or of the local server if it runs."""
    from stagewright.local import server as local
    from stagewright.migration.code_files import fetch_from, no_fetch

    if target or local.find(state_folder()):
        with session(target or LOCAL) as connected:
            yield fetch_from(connected.gateway.objects)
    else:
        yield no_fetch


def write(result: ConvertedPipeline, overlay: Mapping[str, Any], folder: Path, source: str) -> None:
    """Write the folder if its document is valid, else nothing."""
    from stagewright.document.file import read_document
    from stagewright.migration.yaml_text import yaml_text
    from stagewright.runs.releases.named_files import code_findings

    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ReleaseError(f"{folder} already exists", "name a new folder with --to")
    folder.parent.mkdir(parents=True, exist_ok=True)
    texts = {"pipeline.yaml": result.document, **({"environments/local.yaml": overlay} if overlay else {})}
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".convert-") as temporary:
        staging = Path(temporary) / "pipeline"
        for path, content in {f"code/{name}": body for name, body in result.files.items()}.items():
            _put(staging / path, content)
        for path, data in texts.items():
            text = yaml_text(data)
            _put(staging / path, f"# Converted from {source}.\n{text}".encode())
        try:
            read_document(staging / "pipeline.yaml", code_findings)
        except DocumentError as error:
            raise DocumentError(tuple(map(_without_place, error.problems))) from None
        staging.replace(folder)


def _without_place(problem: Problem) -> Problem:
    """The problem without file and line, because the document is not kept."""
    return replace(problem, message=f"{problem.message}, in the converted document", file="", line=None)


def _put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
