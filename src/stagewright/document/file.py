"""Read a document from a YAML or JSON file. Problems have file and line.

YAML that readers interpret differently is rejected, with a remedy, so that the document is the one that
Terraform stores. Checks continue with its most likely value, to find all other problems too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from stagewright.catalog import images, request_contract
from stagewright.document.canonical_json import document_json, normalized
from stagewright.document.load import load
from stagewright.document.merge import merged, without
from stagewright.document.overlays import overlay_findings
from stagewright.document.pipeline import Pipeline
from stagewright.document.source import JsonSource, Source, YamlSource, unreadable
from stagewright.errors import DocumentError, PlanError, Problem
from stagewright.syntax.findings import Finding, dotted, enclosing, is_within, nearest, problems
from stagewright.syntax.findings import Path as DocumentPath

Check = Callable[[Path, Mapping[str, Any]], Iterator[Finding]]
"""An additional check: (folder of the document, parsed document, valid or not) -> findings."""
FILE_LIMIT = 1_000_000
"""Bytes. DynamoDB keeps 400 KB of a document as JSON; a file also has comments and indentation."""
INSTANCE_TYPES = (
    "ProcessingInstanceType",
    "TrainingInstanceType",
    "TransformInstanceType",
    "ProductionVariantInstanceType",
)
"""Enumerations of the SageMaker API. Together they contain every instance type."""


def read_document(path: Path, *checks: Check) -> Pipeline:
    """Return the document in the file. Raises DocumentError with every problem, including those of
    `checks`."""
    source = _source(path, "a document has a name and stages")
    return _checked(source, source.data, path, path.parent, checks)


def read_mapping(path: Path) -> Mapping[str, Any]:
    """Return the parsed file, valid as a document or not. Raises DocumentError if it has no mapping."""
    return dict(_source(path, "a document has a name and stages").data)


def located(found: Iterable[Problem], path: Path) -> tuple[Problem, ...]:
    """Return the problems of a document with its file, and the line of each field that the file has."""
    known = list(found)
    lines = {dotted(field): line for field, line in _source(path, "").lines.items()} if known else {}
    return tuple(
        replace(
            problem, file=str(path), line=next(filter(None, map(lines.get, enclosing(problem.path))), None)
        )
        for problem in known
    )


def read_overlay(path: Path, folder: Path, pipeline: Pipeline | None, *checks: Check) -> Mapping[str, Any]:
    """Return the overlay in the file: what an environment changes of `pipeline`.

    `folder`: the folder of the document. `pipeline`: None if the document is invalid. Raises DocumentError
    with the problems of the file, and of the document with the overlay if there is a `pipeline`.
    """
    source = _source(
        path, "an overlay contains what an environment changes of the document, such as parameters"
    )
    if pipeline is None:
        if source.findings:
            raise DocumentError(problems(source.findings, source.lines, str(path)))
        return dict(normalized(source.data))
    under = json.loads(document_json(pipeline))
    over = normalized(source.data)
    for finding in overlay_findings(under, over):
        source.findings.append(finding)
        over = without(over, finding.path)
    _checked(source, merged(under, over), path, folder, checks)
    return dict(over)


def _source(path: Path, remedy: str) -> Source:
    """Parse the file. Raises DocumentError if it has no mapping."""
    file = str(path)
    text = _text(path)
    source = JsonSource(text, file) if path.suffix.lower() == ".json" else YamlSource(text, file)
    if isinstance(source.data, dict):
        return source
    if source.findings:
        raise DocumentError(problems(source.findings, source.lines, file))
    what = "the file is empty" if source.data is None else "the file does not contain a mapping"
    raise unreadable(file, what, remedy)


def _checked(
    source: Source, data: Mapping[str, Any], path: Path, folder: Path, checks: Iterable[Check]
) -> Pipeline:
    """Load the document in `data`. Problems get the lines of `source`."""
    file = str(path)
    own = (_unknown_images, _unknown_instance_types)
    findings = [finding for check in (*own, *checks) for finding in check(folder, data)]
    further = problems(findings, source.lines, file)
    try:
        pipeline = load(data, source.lines, file)
    except DocumentError as error:
        further = (*error.problems, *further)
    rejected = problems(source.findings, source.lines, file)
    if not rejected and not further:
        return pipeline
    raise DocumentError(_combined(rejected, further))


def _combined(rejected: tuple[Problem, ...], further: tuple[Problem, ...]) -> tuple[Problem, ...]:
    """Return all problems in the order of the file.

    Further problems of a rejected text are left out. If its field accepts only certain words, these become
    the remedy.
    """
    expected = {problem.path: problem.message.partition(", not ")[0] for problem in further}
    combined = [
        replace(problem, remedy=expected[problem.path])
        if expected.get(problem.path, "").startswith("must be '")
        else problem
        for problem in rejected
    ]
    combined += [
        problem for problem in further if not any(is_within(problem.path, text.path) for text in rejected)
    ]
    return tuple(sorted(combined, key=lambda problem: problem.line or 0))


def _unknown_images(_folder: Path, data: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield unknown image aliases. Images given by reference are checked when a run is planned."""
    for path, image in _literals(data, "image"):
        try:
            images.check_alias(image)
        except PlanError as error:
            yield from (Finding(path, problem.message, problem.remedy) for problem in error.problems)


def _unknown_instance_types(_folder: Path, data: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield instance types that AWS does not have."""
    for path, instance_type in _literals(data, "instance_type"):
        known = {value for shape in INSTANCE_TYPES for value in request_contract.values(shape)}
        if instance_type.startswith("ml.") and instance_type not in known:
            date = request_contract.contract()["generated"]
            message = f"{instance_type} is not an instance type in AWS's list of {date}"
            yield Finding(path, message, nearest(instance_type, known))


def _literals(data: Mapping[str, Any], field: str) -> Iterator[tuple[DocumentPath, str]]:
    """Yield path and value of a field in `defaults` and every stage, without references."""
    stages = data.get("stages")
    blocks: list[tuple[DocumentPath, Any]] = [(("defaults",), data.get("defaults"))]
    blocks += (
        [(("stages", name), stage) for name, stage in stages.items()] if isinstance(stages, dict) else []
    )
    for path, block in blocks:
        value = block.get(field) if isinstance(block, dict) else None
        if isinstance(value, str) and value and "${" not in value:
            yield (*path, field), value


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(FILE_LIMIT + 1)
        if len(data) > FILE_LIMIT:
            remedy = "keep data in files that the stages read"
            raise unreadable(str(path), f"the file is larger than {FILE_LIMIT:,} bytes", remedy)
        return data.decode("utf-8-sig")
    except FileNotFoundError:
        raise unreadable(str(path), "no such file", "give the path of a pipeline document") from None
    except IsADirectoryError:
        raise unreadable(str(path), "this is a folder", "give the file in it") from None
    except OSError as error:
        raise unreadable(str(path), f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise unreadable(str(path), "the file is not UTF-8", "save it as UTF-8", line) from None
