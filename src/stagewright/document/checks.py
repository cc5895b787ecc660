"""Rules across the fields and stages of a document: every problem at once."""

from __future__ import annotations

from collections.abc import Iterator, Set

from stagewright.document.dependencies import cycles, dependencies
from stagewright.document.pipeline import Pipeline
from stagewright.document.reference_checks import reference_findings
from stagewright.document.trigger_checks import trigger_findings
from stagewright.stages.base import limits
from stagewright.stages.base.rules import RuleContext, relative
from stagewright.stages.registry import stage_rules
from stagewright.syntax.findings import Finding, nearest


def check(pipeline: Pipeline, set_aside: Set[str] = frozenset()) -> list[Finding]:
    """All that is wrong.

    Stages `set_aside` are wrong in themselves, and not whole or not here at all: references to them are not
    judged, nor what their fields are to one another.
    """
    found = [
        *_document(pipeline),
        *trigger_findings(pipeline, set_aside),
        *reference_findings(pipeline, set_aside),
    ]
    context = RuleContext(pipeline.defaults, pipeline.stages)
    for name in (each for each in pipeline.stages if each not in set_aside):
        found += stage_rules(pipeline.stages[name], context, ("stages", name))
    return [*found, *_order(pipeline, set_aside)]


def _document(pipeline: Pipeline) -> Iterator[Finding]:
    yield from relative(pipeline.code, ("code",)) if pipeline.code != "." else ()
    for prefix, source in pipeline.sample_data.items():
        if "://" in prefix or prefix.startswith("/"):
            remedy = "write the part of the key after the bucket, such as raw/house-price/"
            yield Finding(("sample_data", prefix), "not a prefix inside the bucket", remedy)
        yield from relative(source, ("sample_data", prefix))
    if pipeline.budget and pipeline.budget.money is not None and not pipeline.budget.prices:
        yield Finding(
            ("budget", "prices"), "money needs prices", "give the price of an instance-hour by type"
        )
    yield from limits.variables(pipeline.defaults.environment, 256, ("defaults", "environment"))
    yield from limits.tags(pipeline.defaults.tags, ("defaults", "tags"))


def _order(pipeline: Pipeline, set_aside: Set[str]) -> Iterator[Finding]:
    for name, stage in pipeline.stages.items():
        for index, before in enumerate(stage.after):
            path = ("stages", name, "after", index)
            if before == name:
                yield Finding(path, "a stage cannot come after itself", "remove it")
            elif before not in pipeline.stages and before not in set_aside:
                yield Finding(path, f"no such stage: {before}", nearest(before, pipeline.stages, "stages"))
    for cycle in cycles(dependencies(pipeline)):
        text = " -> ".join((*cycle, cycle[0]))
        yield Finding(
            ("stages", cycle[0]), f"stages wait for one another: {text}", "remove one of these references"
        )
