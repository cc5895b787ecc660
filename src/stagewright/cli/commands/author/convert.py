"""ITEM is an item of the DynamoDB table of AWS's sample "Build a Reusable MLOps Framework for Amazon
SageMaker", as `aws dynamodb get-item` prints it, or a file of the sample's folder dynamodb_items. It becomes
a folder with pipeline.yaml and code. What could not be carried over is listed, with reason and remedy.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stagewright.cli.common import output
from stagewright.cli.common.command_hints import program
from stagewright.cli.common.options import Json
from stagewright.cli.common.target import state_folder
from stagewright.errors import DocumentError, Problem, ReleaseError

if TYPE_CHECKING:
    from stagewright.migration.document import Imported

HERE = "sklearn-1.4"
"""The image that stands for older ones of scikit-learn on this machine."""


def command(
    item: Annotated[Path, typer.Argument(metavar="ITEM", help="A JSON file, in DynamoDB's JSON or plain.")],
    scripts: Annotated[
        Path | None,
        typer.Option(
            "--scripts", metavar="FOLDER", help="What the item's source_code_path holds; tarballs too."
        ),
    ] = None,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FOLDER", help="A new folder; ./<pipeline> when left out.")
    ] = None,
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="The pipeline's name; else the item's.")
    ] = "",
    as_json: Json = False,
) -> None:
    from stagewright.migration.document import convert
    from stagewright.migration.item import Item
    from stagewright.migration.scripts import gather

    if scripts is not None and not scripts.is_dir():
        raise ReleaseError(f"{scripts} is not a folder", "--scripts names the folder with the item's scripts")
    read = Item.read(item)
    made = convert(read, gather(read, scripts), name)
    folder = to or Path(made.document["name"])
    overlay = local_overlay(made.document)
    write(made, overlay, folder, item.name)
    if as_json:
        output.print_json(
            {"document": str(folder / "pipeline.yaml"), "files": sorted(made.files), "notes": made.notes}
        )
        return
    output.print_line(
        f"{folder / 'pipeline.yaml'} written, with {output.counted(len(made.files), 'code file')}"
    )
    if overlay:
        output.print_line(
            f"{folder / 'environments/local.yaml'}: this machine has {HERE} in place of the item's image"
        )
    output.print_line("Not carried over as it was:")
    for note in made.notes:
        output.print_line(f"  {note}")
    output.print_line(f"next: {program()} run {folder}")


def write(made: Imported, overlay: Mapping[str, Any], folder: Path, source: str) -> None:
    """The whole folder, once its document has been read back; or nothing."""
    import yaml

    from stagewright.document.file import read_document
    from stagewright.runs.releases.named_files import code_findings

    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ReleaseError(f"{folder} is there already", "name a new folder with --to")
    folder.parent.mkdir(parents=True, exist_ok=True)
    texts = {"pipeline.yaml": made.document, **({"environments/local.yaml": overlay} if overlay else {})}
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".import-") as temporary:
        place = Path(temporary) / "made"
        for path, content in {f"code/{name}": body for name, body in made.files.items()}.items():
            _put(place / path, content)
        for path, data in texts.items():
            text = yaml.safe_dump(dict(data), sort_keys=False, allow_unicode=True, width=110)
            _put(place / path, f"# Imported from {source}.\n{text}".encode())
        try:
            read_document(place / "pipeline.yaml", code_findings)
        except DocumentError as error:
            raise DocumentError(tuple(map(_of_the_item, error.problems))) from None
        place.replace(folder)


def _of_the_item(problem: Problem) -> Problem:
    """Without the file and the line of a document that is not kept."""
    return replace(
        problem, message=f"{problem.message}, in the document that the item makes", file="", line=None
    )


def local_overlay(document: Mapping[str, Any]) -> dict[str, Any]:
    """What `environments/local.yaml` says: another image where this machine cannot have the document's."""
    stages = {
        name: {"image": HERE}
        for name, stage in document["stages"].items()
        if _replaced(stage.get("image", ""))
    }
    default = document.get("defaults", {}).get("image", "")
    return {
        **({"defaults": {"image": HERE}} if _replaced(default) else {}),
        **({"stages": stages} if stages else {}),
    }


def _replaced(image: str) -> bool:
    from sagemaker_local.state_folder import REGION
    from stagewright.catalog.images import resolve
    from stagewright.local import environments

    if not image.startswith("sklearn-"):
        return False
    return bool(environments.problem(state_folder(), resolve(image, REGION)))


def _put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
