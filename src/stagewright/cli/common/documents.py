"""What PIPELINE on the command line means, and what -p gives."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from stagewright.cli.common.target import target_label
from stagewright.errors import DocumentError, NotFoundError, PlanError, Problem, TargetError

if TYPE_CHECKING:
    from stagewright.cli.common.target import Session
    from stagewright.document.pipeline import Pipeline
    from stagewright.planner.selection import Selection
    from stagewright.syntax.fields import Scalar

NAMES = ("pipeline.yaml", "pipeline.yml", "pipeline.json")
FOLDER = Path("pipelines")
"""Of a repository that `init` made."""
RUN_ID = re.compile(r"[a-z0-9-]+-\d{8}t\d{6}-[0-9a-z]{6}")
"""As `naming.run_id` makes them."""


def find(place: str) -> Path | None:
    """The document that `place` names: a file, a folder that holds one, or the name of such a folder in
    `pipelines`. None when there is none.
    """
    path = Path(place)
    folders = (path, FOLDER / path) if path.name == place else (path,)
    files = (path, *(folder / name for folder in folders for name in NAMES))
    try:
        return next((file for file in files if file.is_file()), None)
    except OSError:  # longer than a path may be
        return None


def path_of(place: str) -> Path:
    path = find(place)
    if path is None:
        raise NotFoundError(
            f"{place}: no such document, nor a folder with a pipeline.yaml, here or in {FOLDER}",
            _document_hint(place)
            or "give the path of a pipeline document; stagewright init makes a repository with one",
        )
    return path


def _document_hint(place: str) -> str:
    """A remedy, where there is something to run: near the place, or in pipelines."""
    from stagewright.syntax.findings import closest_match, nearest

    path = Path(place)
    beside = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    if close := closest_match(path.name, [name for name in beside if find(str(path.parent / name))]):
        return f'did you mean "{path.parent / close}"?'
    return nearest(place, pipelines(), f"in {FOLDER}")


def pipelines() -> list[str]:
    """Names of the folders in `pipelines` that hold a document."""
    found = FOLDER.iterdir() if FOLDER.is_dir() else ()
    return [entry.name for entry in found if find(str(entry))]


def read(place: str) -> Pipeline:
    path = path_of(place)
    from stagewright.document.file import read_document

    return read_document(path)


def name_of(place: str) -> str:
    """A pipeline's name: that of the document where `place` is one, else `place` itself."""
    return read(place).name if find(place) else place


def parse_parameters(pipeline: Pipeline, texts: Sequence[str]) -> dict[str, Scalar]:
    """`name=value` texts as values of the declared types. DocumentError carries every one that is wrong."""
    from stagewright.document.parameters import parse_parameter

    given: dict[str, Scalar] = {}
    problems: list[Problem] = []
    for text in texts:
        name, equals, value = text.partition("=")
        problem = _problem(pipeline.parameters, name, equals)
        if problem:
            problems.append(problem)
            continue
        try:
            given[name] = parse_parameter(value, pipeline.parameters[name], name)
        except DocumentError as error:
            problems += error.problems
    if problems:
        raise DocumentError(tuple(problems))
    return given


def parse_date(given: str | None) -> str:
    """What --date says, empty where it was left out. DocumentError where that is no date."""
    from stagewright.syntax.dates import date_in

    if given is None:
        return ""
    if not given or date_in(given) != given:
        raise DocumentError((Problem("--date", f'"{given}" is no date', "write 2026-01-31 or 2026-01"),))
    return given


def parse_selection(
    pipeline: Pipeline, only: Sequence[str], start: Sequence[str], skip: Sequence[str]
) -> Selection:
    """What --only, --from and --skip say. PlanError for what `pipeline` does not have, or has off."""
    from stagewright.planner.selection import Selection, parse_names, select, unrunnable

    if "" in (*only, *start, *skip):
        raise DocumentError((Problem("--only, --from, --skip", "no stage is named", "leave the option out"),))
    asked = Selection(parse_names(only), parse_names(start), parse_names(skip))
    select(pipeline, asked)
    if off := unrunnable(pipeline, asked):
        raise PlanError(off)
    return asked


def _problem(declared: Mapping[str, Scalar], name: str, equals: str) -> Problem | None:
    if not equals:
        return Problem(f"-p {name}", "no value", f"write -p {name}=VALUE")
    if name not in declared:
        from stagewright.syntax.findings import nearest

        remedy = nearest(name, declared, "declared") or "it declares none"
        return Problem(f"parameters.{name}", "the document declares no such parameter", remedy)
    return None


def pipeline_hint(session: Session, name: str) -> str:
    """A remedy: the pipeline there that was probably meant. Empty where `name` has a document there."""
    from stagewright.syntax.findings import nearest

    try:
        there = [pipeline for pipeline, _ in session.gateway.documents.listed("base")]
    except TargetError:  # not everybody may list them
        return ""
    return "" if name in there else nearest(name, there, "pipelines there")


def run_of(session: Session, place: str) -> str:
    """The run that `place` is, or the newest of the pipeline it names. NotFoundError where there is none."""
    from stagewright.runs.history import run_history

    if RUN_ID.fullmatch(place):
        return place
    name = name_of(place)
    newest = run_history.list_runs(session.gateway, name, 1)
    if not newest:
        raise NotFoundError(
            f"{name} has no runs in {target_label(session.target)}",
            pipeline_hint(session, name) or "stagewright runs lists those of every pipeline",
        )
    return newest[0].run
