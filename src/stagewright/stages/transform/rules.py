"""Rules for transform stages.

Sources: CreateTransformJob and DataProcessing in the SageMaker API reference; "Associate Prediction
Results with Input Records" in the developer guide: with filters or a join, files are split and assembled
the same way, and the predictions have the format of the files.
"""

from __future__ import annotations

from collections.abc import Iterator

from stagewright.stages.base import limits
from stagewright.stages.base.rules import RuleContext, code, required, served
from stagewright.stages.transform.schema import Transform
from stagewright.syntax.findings import Finding, Path

BY_LINE = ("text/csv", "application/jsonlines")
"""Content types whose records are lines."""


def rules(stage: Transform, context: RuleContext, path: Path) -> Iterator[Finding]:
    """Findings within a transform stage."""
    yield from required(stage, context.defaults, path, "instance_type")
    yield from served(stage, stage.model, context, path)
    yield from _requests(stage, path)
    yield from _data_processing(stage, path)
    yield from code(stage.entry_point, stage.include, (*path, "entry_point"))
    yield from limits.environment(stage.environment, {}, limits.SERVING_VARIABLE, (*path, "environment"))


def _requests(stage: Transform, path: Path) -> Iterator[Finding]:
    for field in ("input_filter", "output_filter"):
        yield from limits.length(getattr(stage, field) or "", limits.FILTER, (*path, field))
    if stage.split_by == "None" and "strategy" in stage.model_fields_set:
        message = "it has no effect on whole files"
        yield Finding((*path, "strategy"), message, "set split_by, or leave it out")
    size, concurrent = stage.max_payload_mb, stage.max_concurrent
    if isinstance(size, int) and isinstance(concurrent, int) and size * concurrent > limits.PAYLOAD:
        message = f"{size} MB in each of {concurrent} requests, but AWS accepts {limits.PAYLOAD} MB in total"
        yield Finding((*path, "max_concurrent"), message, "reduce one of them")


def _data_processing(stage: Transform, path: Path) -> Iterator[Finding]:
    fields = [field for field in ("input_filter", "output_filter", "join") if getattr(stage, field)]
    if not fields:
        return
    if stage.content_type in BY_LINE and stage.split_by != "Line":
        message = f"{fields[0]} of {stage.content_type} needs split_by: Line"
        yield Finding((*path, "split_by"), message, "leave split_by out")
    if fields == ["input_filter"]:
        return
    if stage.accept not in (None, stage.content_type):
        message = f"{fields[-1]} needs predictions of the same type as the files, {stage.content_type}"
        yield Finding((*path, "accept"), message, "leave accept out")
    if stage.assemble_with not in (None, stage.split_by):
        message = f"{fields[-1]} needs predictions to be assembled as files are split, by {stage.split_by}"
        yield Finding((*path, "assemble_with"), message, "leave assemble_with out")
