"""The copy belongs to your repository and becomes part of the release, so you version the code that runs."""

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
        str, typer.Argument(metavar="NAME", help="The script to copy. The default is to list the scripts.")
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
        output.table(("name", "summary"), summaries.items())


def summary(path: Path) -> str:
    """The first line of its docstring."""
    return (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n")[0]


def _find(name: str) -> Path:
    known = sorted(path.stem for path in SCRIPTS.glob("*.py"))
    if name in known:
        return SCRIPTS / f"{name}.py"
    raise NotFoundError(f"no script {name}", nearest(name, known, "known"))


def _copy(script: Path, folder: Path, force: bool, as_json: bool) -> None:
    if not folder.is_dir():
        raise ReleaseError(f"{folder} is not a folder", "create it, or name another folder with --to")
    copy, content = folder / script.name, script.read_bytes()
    if copy.exists() and not copy.is_file():
        raise ReleaseError(f"{copy} is not a file", "name another folder with --to")
    same = copy.exists() and copy.read_bytes() == content
    if copy.exists() and not same and not force:
        overwrite = f"{program()} script {script.stem} --to {shell_path(folder)} --force"
        remedy = f"keep the file, or overwrite it: {overwrite}"
        raise ReleaseError(f"{copy} already exists and differs", remedy)
    if not same:
        copy.write_bytes(content)
    if as_json:
        output.print_json({"name": script.stem, "path": str(copy), "written": not same})
    else:
        output.print_line(f"{shell_path(copy)} {'already exists, unchanged' if same else 'written'}")
