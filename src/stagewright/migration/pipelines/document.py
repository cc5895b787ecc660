"""The document of a definition, with notes about everything that was changed, dropped or not converted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from stagewright.errors import DocumentError, Problem
from stagewright.migration.code_files import CodeFiles
from stagewright.migration.converted import ConvertedPipeline, Note, Stage
from stagewright.migration.pipelines.conversion import Attempt
from stagewright.migration.pipelines.definition import Definition
from stagewright.migration.pipelines.names import pipeline_name
from stagewright.syntax.references import escape, find_references

CHOOSES_CODE = ("image", "function", "queue", "entrypoint")
"""Fields in which a parameter needs a list of allowed values."""


def convert(definition: Definition, code: Callable[[], CodeFiles], name: str = "") -> ConvertedPipeline:
    """Convert a definition. `code` returns the code files, without those of an earlier call.

    DocumentError lists every script that is missing. A step that cannot be converted becomes an approval
    stage, and so does a step that needs a value of it.
    """
    unconverted: set[str] = set()
    while True:
        attempt = Attempt.of(definition, code(), unconverted)
        if attempt.failed <= unconverted:
            break
        unconverted |= attempt.failed
    if attempt.findings.missing:
        raise DocumentError(tuple(attempt.findings.missing))
    named = name or pipeline_name(definition.name)
    if not named:
        raise DocumentError((Problem("name", "the definition has no name", "set one with --name NAME"),))
    allowed = _allowed_values(definition, attempt.stages)
    parameters = {key: escape_text(item["DefaultValue"]) for key, item in definition.parameters.items()}
    document = {
        "name": named,
        "description": f"Converted from the SageMaker pipeline {definition.name or named}.",
        "code": "code",
        **({"parameters": parameters} if parameters else {}),
        **({"allowed_values": allowed} if allowed else {}),
        "triggers": [{"type": "code"}],
        "stages": attempt.stages,
    }
    notes = (*_notes(definition), *dict.fromkeys(attempt.findings.notes))
    steps = {stage: step for step, stage in attempt.expressions.names.items()}
    return ConvertedPipeline(document, attempt.code.files, notes, tuple(attempt.unconverted), steps)


def escape_text(value: Any) -> Any:
    return escape(value) if isinstance(value, str) else value


def _notes(definition: Definition) -> Iterable[Note]:
    if definition.experiment:
        yield Note("PipelineExperimentConfig", "dropped: every run is recorded")
    if any("CacheConfig" not in step.data for step in definition.steps.values()):
        reason = "a step without it runs each time, but a stage reuses the result of equal inputs"
        yield Note("CacheConfig", reason, "write cache: false where a stage must always run")


def _allowed_values(definition: Definition, stages: Mapping[str, Stage]) -> dict[str, list[Any]]:
    """Parameter -> its EnumValues. A parameter that chooses code has at least its default value."""
    listed = {key: item.get("EnumValues") for key, item in definition.parameters.items()}
    allowed = {key: list(values) for key, values in listed.items() if values}
    for stage in stages.values():
        for field in CHOOSES_CODE:
            for reference in find_references(str(stage.get(field, ""))):
                parameter = definition.parameters.get(".".join(reference.path[1:]))
                if reference.path[0] == "parameters" and parameter:
                    allowed.setdefault(parameter["Name"], [parameter["DefaultValue"]])
    return allowed
