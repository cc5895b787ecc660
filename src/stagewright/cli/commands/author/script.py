"""A copied script is yours: it becomes part of the release, so what runs is what is versioned."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Annotated

import typer

from stagewright.cli.common import output
from stagewright.cli.common.command_hints import program, shell_path
from stagewright.cli.common.options import Json
from stagewright.errors import NotFoundError, ReleaseError
from stagewright.syntax.findings import nearest

SCRIPTS = Path(__file__).parents[3] / "scripts"


def command(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="The script to copy. Without it they are listed.")
    ] = "",
    to: Annotated[
        Path, typer.Option("--to", metavar="FOLDER", help="The code folder of your pipeline.")
    ] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Overwrite a file that differs.")] = False,
    as_json: Json = False,
) -> None:
    if name:
        _copy(_find(name.removesuffix(".py")), to, force, as_json)
    else:
        _list(as_json)


def _list(as_json: bool) -> None:
    summaries = {path.stem: summary(path) for path in sorted(SCRIPTS.glob("*.py"))}
    if as_json:
        output.print_json([{"name": name, "summary": text} for name, text in summaries.items()])
    else:
        output.table(("name", "what it does"), summaries.items())


def summary(path: Path) -> str:
    """The first line of its docstring."""
    return (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n")[0]


def _find(name: str) -> Path:
    known = sorted(path.stem for path in SCRIPTS.glob("*.py"))
    if name in known:
        return SCRIPTS / f"{name}.py"
    raise NotFoundError(f"no script {name}", nearest(name, known, "there are"))


def _copy(script: Path, folder: Path, force: bool, as_json: bool) -> None:
    if not folder.is_dir():
        raise ReleaseError(f"{folder} is not a folder", "make it first, or name another with --to")
    place, content = folder / script.name, script.read_bytes()
    if place.exists() and not place.is_file():
        raise ReleaseError(f"{place} is not a file", "name another folder with --to")
    same = place.exists() and place.read_bytes() == content
    if place.exists() and not same and not force:
        remedy = (
            f"keep it, or overwrite it: {program()} script {script.stem} --to {shell_path(folder)} --force"
        )
        raise ReleaseError(f"{place} is there already, and differs", remedy)
    if not same:
        place.write_bytes(content)
    if as_json:
        output.print_json({"name": script.stem, "path": str(place), "written": not same})
    else:
        output.print_line(f"{shell_path(place)} {'is there already, unchanged' if same else 'written'}")
