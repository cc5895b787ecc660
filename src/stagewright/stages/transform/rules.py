"""What the fields of a transform stage must be to one another.

Sources: CreateTransformJob and DataProcessing in the SageMaker API reference; "Associate Prediction Results
with Input Records" in the developer guide: what is filtered or joined is cut and assembled the same way, and
has the same format before and after.
"""

from __future__ import annotations

from collections.abc import Iterator

from stagewright.stages.base import limits
from stagewright.stages.base.rules import RuleContext, code, required, served
from stagewright.stages.transform.schema import Transform
from stagewright.syntax.findings import Finding, Path


def rules(stage: Transform, context: RuleContext, path: Path) -> Iterator[Finding]:
    """Findings within a transform stage."""
    yield from required(stage, context.defaults, path, "instance_type")
    yield from served(stage, stage.model, context, path)
    yield from transform(stage, path)
    yield from code(stage.entry_point, stage.include, (*path, "entry_point"))
    yield from limits.environment(stage.environment, {}, limits.SERVING_VARIABLE, (*path, "environment"))


BY_LINE = ("text/csv", "application/jsonlines")


def transform(stage: Transform, path: Path) -> Iterator[Finding]:
    for field in ("input_filter", "output_filter"):
        yield from limits.length(getattr(stage, field) or "", limits.FILTER, (*path, field))
    if stage.split_by == "None" and "strategy" in stage.model_fields_set:
        message = "files that are not cut are sent whole"
        yield Finding((*path, "strategy"), message, "give split_by, or leave it out")
    payload, concurrent = stage.max_payload_mb, stage.max_concurrent
    if isinstance(payload, int) and isinstance(concurrent, int) and payload * concurrent > limits.PAYLOAD:
        message = f"{payload} MB in each of {concurrent}, and AWS takes at most {limits.PAYLOAD} MB together"
        yield Finding((*path, "max_concurrent"), message, "lower one of the two")
    yield from _processed(stage, path)


def _processed(stage: Transform, path: Path) -> Iterator[Finding]:
    asked = [field for field in ("input_filter", "output_filter", "join") if getattr(stage, field)]
    if not asked:
        return
    if stage.content_type in BY_LINE and stage.split_by != "Line":
        message = f"{asked[0]} of {stage.content_type} needs split_by: Line"
        yield Finding((*path, "split_by"), message, "leave split_by out")
    if asked == ["input_filter"]:
        return
    if stage.accept not in (None, stage.content_type):
        message = f"{asked[-1]} needs answers of the same type as the files, {stage.content_type}"
        yield Finding((*path, "accept"), message, "leave accept out")
    if stage.assemble_with not in (None, stage.split_by):
        message = f"{asked[-1]} needs answers to be joined as files are cut, by {stage.split_by}"
        yield Finding((*path, "assemble_with"), message, "leave assemble_with out")
