"""A file, YAML or JSON, -> document, with file and line at every problem.

Nothing is guessed: what two YAML readers read differently is refused with what to write instead. So the
document here is the document that Terraform stores. What is refused is read on as it was most
likely meant, so that every other problem is found with it.
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
from stagewright.document.source import JsonSource, Source, YamlSource, _unreadable
from stagewright.errors import DocumentError, PlanError, Problem
from stagewright.syntax.findings import Finding, nearest, problems
from stagewright.syntax.findings import Path as Place

Check = Callable[[Path, Mapping[str, Any]], Iterator[Finding]]
"""Gets the document's folder, and what the document says, right or wrong."""
HOSTED = "ProductionVariantInstanceType"
INSTANCE_TYPES = ("ProcessingInstanceType", "TrainingInstanceType", "TransformInstanceType", HOSTED)
"""Shapes of the SageMaker API reference: between them all instance types that it knows."""


def read_document(path: Path, *checks: Check) -> Pipeline:
    """The document in the file. DocumentError carries every problem found, those of `checks` too, with file
    and line.
    """
    source = _source(path, "a document has a name and stages")
    return _checked(source, source.data, path, path.parent, checks)


def read_mapping(path: Path) -> Mapping[str, Any]:
    """What the file says, right or wrong as a document. DocumentError where that is no mapping."""
    return dict(_source(path, "a document has a name and stages").data)


def read_overlay(path: Path, folder: Path, pipeline: Pipeline | None, *checks: Check) -> Mapping[str, Any]:
    """What the file changes of `pipeline`, whose document is in `folder`. DocumentError carries what is wrong
    with the file, and with the document that the two make together; with the file alone where there is no
    `pipeline`, its document being wrong.
    """
    source = _source(path, "an overlay holds what an environment changes of the document, such as parameters")
    if pipeline is None:
        if source.findings:
            raise DocumentError(problems(source.findings, source.lines, str(path)))
        return dict(normalized(source.data))
    under = json.loads(document_json(pipeline))
    over = normalized(source.data)
    for found in overlay_findings(under, over):
        source.findings.append(found)
        over = without(over, found.path)
    _checked(source, merged(under, over), path, folder, checks)
    return dict(over)


def _source(path: Path, remedy: str) -> Source:
    """What the file says. DocumentError where that is no mapping."""
    file = str(path)
    text = _text(path)
    source = JsonSource(text, file) if path.suffix.lower() == ".json" else YamlSource(text, file)
    if isinstance(source.data, dict):
        return source
    if source.findings:
        raise DocumentError(problems(source.findings, source.lines, file))
    what = "the file is empty" if source.data is None else "the file holds no mapping"
    raise _unreadable(file, what, remedy)


def _checked(
    source: Source, data: Mapping[str, Any], path: Path, folder: Path, checks: Iterable[Check]
) -> Pipeline:
    """The document `data`, at the lines of `source`."""
    file = str(path)
    own = (_unknown_images, _unknown_instance_types)
    findings = [found for check in (*own, *checks) for found in check(folder, data)]
    further = problems(findings, source.lines, file)
    try:
        pipeline = load(data, source.lines, file)
    except DocumentError as error:
        further = (*error.problems, *further)
    refused = problems(source.findings, source.lines, file)
    if not refused and not further:
        return pipeline
    raise DocumentError(_together(refused, further))


def _together(refused: tuple[Problem, ...], further: tuple[Problem, ...]) -> tuple[Problem, ...]:
    """All in the order of the file. Of what is refused as text nothing further is said, but the words that a
    field takes."""
    takes = {each.path: each.message.partition(", not ")[0] for each in further}
    told = [
        replace(each, remedy=takes[each.path]) if takes.get(each.path, "").startswith("must be '") else each
        for each in refused
    ]
    told += [each for each in further if not any(_within(each.path, other.path) for other in refused)]
    return tuple(sorted(told, key=lambda problem: problem.line or 0))


def _within(path: str, outer: str) -> bool:
    return path == outer or path.startswith((f"{outer}.", f"{outer}["))


def _unknown_images(_folder: Path, data: Mapping[str, Any]) -> Iterator[Finding]:
    """Aliases that no target knows; what is referred to shows only when a run is planned."""
    for path, image in _literals(data, "image"):
        try:
            images.check_alias(image)
        except PlanError as error:
            yield from (Finding(path, each.message, each.remedy) for each in error.problems)


def _unknown_instance_types(_folder: Path, data: Mapping[str, Any]) -> Iterator[Finding]:
    """Of the right form, and none that AWS has."""
    for path, instance_type in _literals(data, "instance_type"):
        known = {value for shape in INSTANCE_TYPES for value in request_contract.values(shape)}
        if instance_type.startswith("ml.") and instance_type not in known:
            message = f"AWS had no {instance_type} when this version was made"
            yield Finding(path, message, nearest(instance_type, known))


def _literals(data: Mapping[str, Any], field: str) -> Iterator[tuple[Place, str]]:
    """Of `defaults` and every stage, without those that refer to something."""
    stages = data.get("stages")
    named: list[tuple[Place, Any]] = [(("defaults",), data.get("defaults"))]
    named += [(("stages", name), stage) for name, stage in stages.items()] if isinstance(stages, dict) else []
    for place, holder in named:
        value = holder.get(field) if isinstance(holder, dict) else None
        if isinstance(value, str) and value and "${" not in value:
            yield (*place, field), value


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise _unreadable(str(path), "no such file", "give the path of a pipeline document") from None
    except IsADirectoryError:
        raise _unreadable(str(path), "this is a folder", "give the file in it") from None
    except OSError as error:
        raise _unreadable(str(path), f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise _unreadable(str(path), "the file is not UTF-8", "save it as UTF-8", line) from None
