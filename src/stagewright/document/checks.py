"""Rules across the fields and stages of a document."""

from __future__ import annotations

from collections.abc import Iterator, Set

from stagewright.document.allowed_values import allowed_value_findings
from stagewright.document.dependencies import cycles, dependencies
from stagewright.document.list_checks import instance_findings, list_findings, with_for_each
from stagewright.document.pipeline import Pipeline
from stagewright.document.reference_checks import reference_findings
from stagewright.document.trigger_checks import trigger_findings
from stagewright.stages.base import limits
from stagewright.stages.base.rules import RuleContext, relative
from stagewright.stages.registry import stage_rules
from stagewright.syntax.findings import Finding, nearest


def check(pipeline: Pipeline, set_aside: Set[str] = frozenset()) -> list[Finding]:
    """Return every problem of a document with a valid schema.

    `set_aside`: stages that are invalid or missing. References to them, and their fields, are not checked.
    """
    in_lists = list_findings(pipeline)
    if in_lists:
        set_aside |= with_for_each(pipeline)
    findings = [
        *_document(pipeline),
        *in_lists,
        *instance_findings(pipeline, set_aside),
        *allowed_value_findings(pipeline),
        *trigger_findings(pipeline, set_aside),
        *reference_findings(pipeline, set_aside),
    ]
    context = RuleContext(pipeline.defaults, pipeline.stages)
    for name, stage in pipeline.stages.items():
        if name not in set_aside:
            findings += stage_rules(stage, context, ("stages", name))
    return [*findings, *_order(pipeline, set_aside)]


def _document(pipeline: Pipeline) -> Iterator[Finding]:
    yield from relative(pipeline.code, ("code",)) if pipeline.code != "." else ()
    for prefix, source in pipeline.sample_data.items():
        if "://" in prefix or prefix.startswith("/"):
            remedy = "write the part of the key after the bucket, such as raw/house-price/"
            yield Finding(("sample_data", prefix), "is not a prefix in the bucket", remedy)
        yield from relative(source, ("sample_data", prefix))
    yield from limits.variables(pipeline.defaults.environment, 256, ("defaults", "environment"))
    yield from limits.tags(pipeline.defaults.tags, ("defaults", "tags"))


def _order(pipeline: Pipeline, set_aside: Set[str]) -> Iterator[Finding]:
    for name, stage in pipeline.stages.items():
        for index, predecessor in enumerate(stage.after):
            path = ("stages", name, "after", index)
            if predecessor == name:
                yield Finding(path, "a stage cannot run after itself", "remove it")
            elif predecessor not in pipeline.stages and predecessor not in set_aside:
                remedy = nearest(predecessor, pipeline.stages, "stages")
                yield Finding(path, f"no such stage: {predecessor}", remedy)
    for cycle in cycles(dependencies(pipeline)):
        text = " -> ".join((*cycle, cycle[0]))
        yield Finding(
            ("stages", cycle[0]), f"stages depend on each other: {text}", "remove one of these references"
        )
