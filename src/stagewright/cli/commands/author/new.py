"""With --from, the pipeline runs your training script as it is. Its arguments become hyperparameters, its
imports choose the image, and the files that it reads become the data. A script that knows nothing of
SageMaker runs too. Without --from, the pipeline is an empty one with comments.

The folder is pipelines/NAME in a repository, else NAME. On a terminal, the command asks for data and image if
no option names them. Two stages, off at first, register and serve the model; --serve switches them on.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stagewright.api import documents
from stagewright.cli.common import output
from stagewright.cli.common.command_hints import program, shell_path
from stagewright.cli.common.options import Json
from stagewright.errors import DocumentError, PlanError, Problem, ReleaseError

if TYPE_CHECKING:
    from sagemaker_local.images.image_list import Image as ListedImage
    from stagewright.scaffold.images import LocalImage
    from stagewright.scaffold.pipeline import Files, NewPipeline
    from stagewright.scaffold.project import Project

SCHEMA = "pipeline.schema.json"

Name = Annotated[str, typer.Argument(metavar="NAME", help="The pipeline's name.")]
From = Annotated[
    Path | None,
    typer.Option("--from", metavar="SCRIPT", help="A training script, or a folder that has one."),
]
Data = Annotated[
    list[str],
    typer.Option(
        "--data",
        metavar="[CHANNEL=]PATH",
        help="A file, a folder or an s3:// URI with the data of a channel. Repeatable.",
    ),
]
Image = Annotated[
    str, typer.Option("--image", metavar="IMAGE", help="An alias such as sklearn-1.4, or a full image URI.")
]
InstanceType = Annotated[
    str, typer.Option("--instance-type", metavar="TYPE", help="The instance type of jobs and endpoint.")
]
Hyperparameter = Annotated[
    list[str],
    typer.Option(
        "--hyperparameter", metavar="NAME=VALUE", help="The value of an argument of the script. Repeatable."
    ),
]
Serve = Annotated[
    bool, typer.Option("--serve", help="Switch on the stages that register and serve the model.")
]
To = Annotated[Path | None, typer.Option("--to", metavar="FOLDER", help="A new folder for the pipeline.")]


def command(
    name: Name,
    script: From = None,
    data: Data = [],  # noqa: B006 -- Typer copies it
    image: Image = "",
    instance_type: InstanceType = "ml.m5.large",
    hyperparameters: Hyperparameter = [],  # noqa: B006
    serve: Serve = False,
    to: To = None,
    as_json: Json = False,
) -> None:
    from stagewright.scaffold.pipeline import NewPipeline, empty_pipeline

    folder = to or (documents.FOLDER / name if documents.FOLDER.is_dir() else Path(name))
    require_new(folder, name, image)
    new = NewPipeline(
        name, tuple(data), image, instance_type, assignments(hyperparameters), serve, schema_of(folder)
    )
    if script is None:
        if data or hyperparameters:
            raise typer.BadParameter("--data and --hyperparameter need --from")
        files = empty_pipeline(new)
    else:
        files = from_script(script, new, ask=not as_json and is_terminal())
    write(folder, files)
    print_result(folder, files, as_json)


def from_script(script: Path, new: NewPipeline, ask: bool) -> Files:
    from stagewright.scaffold.pipeline import pipeline_of
    from stagewright.scaffold.project import read_project

    project = read_project(script, Path.cwd())
    images = local_images(project.imports)
    return pipeline_of(project, asked(project, new, images) if ask else new, images)


def asked(project: Project, new: NewPipeline, images: Sequence[LocalImage]) -> NewPipeline:
    """The choices, with what the user answers for missing data, hyperparameters and the image."""
    from stagewright.scaffold.data import channel_data
    from stagewright.scaffold.hyperparameters import missing_arguments
    from stagewright.scaffold.images import choose_image

    data, values = list(new.data), dict(new.hyperparameters)
    for channel, known in channel_data(project, data).items():
        if known.is_missing:
            text = f"Data of channel {channel} (file, folder or s3:// URI; empty: later)"
            answer = typer.prompt(text, default="", show_default=False, err=True)
            data += [f"{channel}={answer}"] if answer else []
    for argument in missing_arguments(project, values):
        values[argument.hyperparameter] = typer.prompt(f"Value of {argument.options[-1]}", err=True)
    usual = choose_image(project.imports, images).alias
    image = new.image or typer.prompt("Image", default=usual, err=True)
    require_image(image)
    return replace(new, data=tuple(data), hyperparameters=values, image=image)


def is_terminal() -> bool:
    """Whether a person can answer. A stream that the parent process closed is None."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


def assignments(texts: Iterable[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key:
            where = f"--hyperparameter {text}"
            raise DocumentError((Problem(where, "no value", "write --hyperparameter NAME=VALUE"),))
        values[key.lstrip("-")] = value
    return values


def require_new(folder: Path, name: str, image: str) -> None:
    """DocumentError or ReleaseError: the name or the image is not valid, or the folder has files."""
    from stagewright.cli.commands.author.init_options import name_problems

    if problems := tuple(name_problems("NAME", name)):
        raise DocumentError(problems)
    require_image(image)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ReleaseError(f"{folder} already exists", "choose another name, or a new folder with --to")


def require_image(image: str) -> None:
    from stagewright.catalog.images import check_alias

    if image:
        try:
            check_alias(image)
        except PlanError as error:
            raise DocumentError(tuple(replace(one, path="--image") for one in error.problems)) from None


def schema_of(folder: Path) -> str:
    """Path of the repository's JSON Schema from the folder, or ""."""
    parents = folder.resolve().parents
    for up, parent in enumerate(parents[:3], 1):
        if (parent / SCHEMA).is_file():
            return "../" * up + SCHEMA
    return ""


def local_images(imports: Iterable[str]) -> list[LocalImage]:
    """The images of this machine. Only those of the script's framework are checked for an environment."""
    from sagemaker_local.images.image_list import images
    from stagewright.local.state_path import state_path
    from stagewright.scaffold.images import framework_of

    framework, state = framework_of(list(imports)), Path(state_path())
    return [_local_image(image, state, is_checked=image.framework == framework) for image in images()]


def _local_image(image: ListedImage, state: Path, *, is_checked: bool) -> LocalImage:
    from stagewright.catalog.images import Image
    from stagewright.local import environments
    from stagewright.scaffold.images import LocalImage

    known = Image(image.framework, image.version, image.python)
    if not is_checked:
        return LocalImage(known, image.alias)
    can_run = not environments.problem(state, image.alias)
    return LocalImage(known, image.alias, environments.built_modules(state, image.alias), can_run)


def write(folder: Path, files: Files) -> None:
    """Write the folder if its document is valid, else nothing."""
    import tempfile

    from stagewright.document.file import read_document
    from stagewright.runs.releases.named_files import code_findings, sample_findings

    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".new-") as temporary:
            staging = Path(temporary, "pipeline")
            for name, content in files.contents.items():
                path = staging / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            try:
                read_document(staging / "pipeline.yaml", code_findings, sample_findings)
            except DocumentError as error:
                raise DocumentError(tuple(map(_without_location, error.problems))) from None
            staging.replace(folder)
    except OSError as error:
        raise ReleaseError(
            f"{folder} cannot be created: {error.strerror or error}", "name another folder with --to"
        ) from None


def _without_location(problem: Problem) -> Problem:
    return replace(problem, message=f"{problem.message}, in the new document", file="", line=None)


def print_result(folder: Path, files: Files, as_json: bool) -> None:
    document = folder / "pipeline.yaml"
    if as_json:
        result: dict[str, Any] = {"document": str(document), "files": sorted(files.contents)}
        output.print_json({**result, "notes": files.notes})
        return
    output.print_line(f"created {shell_path(document)}: {', '.join(_summary(files.contents))}")
    for note in files.notes:
        output.print_line(f"note: {note}")
    output.print_line(f"next: {program()} run {shell_path(folder)}")


def _summary(names: Iterable[str]) -> Iterator[str]:
    names = list(names)
    for part in ("code", "data"):
        count = sum(name.startswith(f"{part}/") and not name.endswith(".gitkeep") for name in names)
        if count:
            yield output.counted(count, f"{part} file")
