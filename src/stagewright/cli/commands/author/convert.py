"""ITEM is an item of the DynamoDB table of AWS's sample "Build a Reusable MLOps Framework for Amazon
SageMaker": the output of `aws dynamodb get-item`, or a file of the sample's folder dynamodb_items. The
command creates a folder with pipeline.yaml and code. It lists the settings that it could not convert, with
reason and remedy.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stagewright.api.target import state_folder
from stagewright.cli.common import output
from stagewright.cli.common.command_hints import program
from stagewright.cli.common.options import Json
from stagewright.errors import DocumentError, Problem, ReleaseError

if TYPE_CHECKING:
    from stagewright.migration.converted import ConvertedPipeline

LOCAL_IMAGE = "sklearn-1.4"
"""The image that replaces older scikit-learn images on this machine."""


def command(
    item: Annotated[Path, typer.Argument(metavar="ITEM", help="A file with DynamoDB JSON or plain JSON.")],
    scripts: Annotated[
        Path | None,
        typer.Option(
            "--scripts", metavar="FOLDER", help="The files of the item's source_code_path, tarballs included."
        ),
    ] = None,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FOLDER", help="A new folder. The default is ./<pipeline>.")
    ] = None,
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="The pipeline's name. The default is the item's.")
    ] = "",
    as_json: Json = False,
) -> None:
    from stagewright.migration.sample.document import convert
    from stagewright.migration.sample.item import Item
    from stagewright.migration.sample.scripts import read_scripts

    if scripts is not None and not scripts.is_dir():
        raise ReleaseError(f"{scripts} is not a folder", "give the folder with the item's scripts")
    source = Item.read(item)
    result = convert(source, read_scripts(source, scripts), name)
    folder = to or Path(result.document["name"])
    overlay = local_overlay(result.document)
    write(result, overlay, folder, item.name)
    if as_json:
        output.print_json(
            {"document": str(folder / "pipeline.yaml"), "files": sorted(result.files), "notes": result.notes}
        )
        return
    output.print_line(
        f"{folder / 'pipeline.yaml'} written, with {output.counted(len(result.files), 'code file')}"
    )
    if overlay:
        output.print_line(
            f"{folder / 'environments/local.yaml'}: sets {LOCAL_IMAGE} as the image on this machine"
        )
    output.print_line("Converted with changes:")
    for note in result.notes:
        output.print_line(f"  {note}")
    output.print_line(f"next: {program()} run {folder}")


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


def local_overlay(document: Mapping[str, Any]) -> dict[str, Any]:
    """Content of `environments/local.yaml`: replaces the images that this machine cannot provide."""
    stages = {
        name: {"image": LOCAL_IMAGE}
        for name, stage in document["stages"].items()
        if _is_unavailable(stage.get("image", ""))
    }
    default = document.get("defaults", {}).get("image", "")
    return {
        **({"defaults": {"image": LOCAL_IMAGE}} if _is_unavailable(default) else {}),
        **({"stages": stages} if stages else {}),
    }


def _is_unavailable(image: str) -> bool:
    from sagemaker_local.state_folder import REGION
    from stagewright.catalog.images import resolve
    from stagewright.local import environments

    if not image.startswith("sklearn-"):
        return False
    return bool(environments.problem(state_folder(), resolve(image, REGION)))


def _put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
