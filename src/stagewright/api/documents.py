"""Arguments and options that name a pipeline, a run, parameters or stages."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from stagewright.api.target import target_label
from stagewright.errors import DocumentError, NotFoundError, PlanError, Problem, TargetError

if TYPE_CHECKING:
    from stagewright.api.target import Session
    from stagewright.document.pipeline import Pipeline
    from stagewright.planner.selection import Selection
    from stagewright.syntax.fields import Scalar

NAMES = ("pipeline.yaml", "pipeline.yml", "pipeline.json")
FOLDER = Path("pipelines")
"""The folder of pipelines in a repository that `init` created."""
RUN_ID = re.compile(r"[a-z0-9-]+-\d{8}t\d{6}-[0-9a-z]{6}")
"""Form of the ids that `naming.run_id` creates."""


def find(argument: str) -> Path | None:
    """Path of the document that `argument` names, or None.

    It is a file, a folder that holds a document, or the name of such a folder in pipelines/.
    """
    path = Path(argument)
    folders = (path, FOLDER / path) if path.name == argument else (path,)
    files = (path, *(folder / name for folder in folders for name in NAMES))
    try:
        return next((file for file in files if file.is_file()), None)
    except OSError:  # longer than a path may be
        return None


def path_of(argument: str) -> Path:
    """`find`, or NotFoundError with the document that was probably meant."""
    path = find(argument)
    if path is None:
        raise NotFoundError(
            f"{argument}: no such document, and no such folder with a pipeline.yaml, here or in {FOLDER}",
            _document_hint(argument)
            or "give the path of a pipeline document; stagewright init DIR creates a repository with one",
        )
    return path


def _document_hint(argument: str) -> str:
    """A document with a similar name in the same folder or in pipelines/. Empty if there is none."""
    from stagewright.syntax.findings import closest_match, nearest

    path = Path(argument)
    siblings = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    if close := closest_match(path.name, [name for name in siblings if find(str(path.parent / name))]):
        return f'did you mean "{path.parent / close}"?'
    return nearest(argument, pipelines(), f"in {FOLDER}")


def pipelines() -> list[str]:
    """Names of the folders in pipelines/ that hold a document."""
    entries = FOLDER.iterdir() if FOLDER.is_dir() else ()
    return [entry.name for entry in entries if find(str(entry))]


def read(argument: str) -> Pipeline:
    path = path_of(argument)
    from stagewright.document.file import read_document

    return read_document(path)


def name_of(argument: str) -> str:
    """Name of the pipeline: the one in the document that `argument` names, else `argument` itself."""
    return read(argument).name if find(argument) else argument


def parse_parameters(pipeline: Pipeline, assignments: Sequence[str]) -> dict[str, Scalar]:
    """`name=value` texts as values of the declared types. DocumentError lists every invalid one."""
    from stagewright.document.parameters import parse_parameter

    values: dict[str, Scalar] = {}
    problems: list[Problem] = []
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        problem = _parameter_problem(pipeline.parameters, name, equals)
        if problem:
            problems.append(problem)
            continue
        try:
            values[name] = parse_parameter(text, pipeline.parameters[name], name)
        except DocumentError as error:
            problems += error.problems
    if problems:
        raise DocumentError(tuple(problems))
    return values


def checked_parameters(pipeline: Pipeline, parameters: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Values of the declared types, NumPy's scalars as Python's. DocumentError lists every invalid one."""
    from stagewright.document.parameters import with_parameters

    plain = {name: value.item() if hasattr(value, "item") else value for name, value in parameters.items()}
    with_parameters(pipeline, plain)
    return plain


def _parameter_problem(declared: Mapping[str, Scalar], name: str, equals: str) -> Problem | None:
    if not equals:
        return Problem(f"-p {name}", "no value", f"write -p {name}=VALUE")
    if name not in declared:
        from stagewright.syntax.findings import nearest

        remedy = nearest(name, declared, "declared") or "it declares none"
        return Problem(f"parameters.{name}", "the document declares no such parameter", remedy)
    return None


def parse_date(text: str | None) -> str:
    """The date of --date, empty without the option. DocumentError: the text is not a date."""
    from stagewright.syntax.dates import date_in

    if text is None:
        return ""
    if not text or date_in(text) != text:
        raise DocumentError((Problem("--date", f'"{text}" is not a date', "write 2026-01-31 or 2026-01"),))
    return text


def parse_selection(
    pipeline: Pipeline,
    only: Sequence[str],
    start: Sequence[str],
    skip: Sequence[str],
    bypass: Sequence[str] = (),
    reason: str = "",
) -> Selection:
    """Selection of --only, --from, --skip and --bypass. PlanError: a stage does not exist or is off."""
    from stagewright.planner.selection import Selection, parse_names, select, unrunnable

    if "" in (*only, *start, *skip, *bypass):
        options = "--only, --from, --skip, --bypass"
        raise DocumentError((Problem(options, "no stage is named", "leave the option out"),))
    selection = Selection(
        parse_names(only), parse_names(start), parse_names(skip), parse_names(bypass), reason.strip()
    )
    select(pipeline, selection)
    if message := unrunnable(pipeline, selection):
        raise PlanError(message)
    return selection


def pipeline_hint(session: Session, name: str) -> str:
    """The pipeline in the target that was probably meant. Empty if `name` exists there."""
    from stagewright.syntax.findings import nearest

    try:
        names = [pipeline for pipeline, _ in session.gateway.documents.layer_hashes("base")]
    except TargetError:  # the caller may lack the permission to list them
        return ""
    return "" if name in names else nearest(name, names, "pipelines there")


def run_of(session: Session, argument: str) -> str:
    """`argument` if it is the id of a run, else the newest run of that pipeline.

    NotFoundError: the pipeline has no runs.
    """
    from stagewright.runs.history import run_history

    if RUN_ID.fullmatch(argument):
        return argument
    name = name_of(argument)
    newest = run_history.list_runs(session.gateway, name, 1)
    if not newest:
        raise NotFoundError(
            f"{name} has no runs in {target_label(session.target)}",
            pipeline_hint(session, name) or "stagewright runs lists the runs of every pipeline",
        )
    return newest[0].run
