"""Rules of lists, and of the stages that run for their items."""

from __future__ import annotations

from collections.abc import Iterator, Set

from stagewright.document.lists import has_reviewed_items, item_findings
from stagewright.document.pipeline import Pipeline
from stagewright.document.reference_sites import ReferenceSite, texts
from stagewright.document.reference_values import EACH
from stagewright.stages.registry import AnyStage
from stagewright.syntax.findings import Finding, nearest
from stagewright.syntax.references import Reference, find_references

REVIEWED = "write the items in the document, or list allowed_values of their parameter"


def list_findings(pipeline: Pipeline) -> list[Finding]:
    """Return what is wrong with the lists, and the stages that name none of them."""
    findings = [
        finding
        for name, declared in pipeline.lists.items()
        for finding in item_findings(declared, pipeline.parameters, ("lists", name))
    ]
    for name, stage in pipeline.stages.items():
        if stage.for_each is not None and stage.for_each not in pipeline.lists:
            remedy = (
                nearest(stage.for_each, pipeline.lists, "lists")
                or "declare it: lists: {NAME: {items: [...]}}"
            )
            findings.append(Finding(("stages", name, "for_each"), f"no such list: {stage.for_each}", remedy))
    return findings


def with_for_each(pipeline: Pipeline) -> Set[str]:
    """Return the stages that run for the items of a list."""
    return {name for name, stage in pipeline.stages.items() if stage.for_each is not None}


def instance_findings(pipeline: Pipeline, set_aside: Set[str]) -> Iterator[Finding]:
    """Yield the stages whose instances would all do the same, or write to one location."""
    for name in with_for_each(pipeline) - set_aside:
        stage = pipeline.stages[name]
        yield from _shared_locations(name, stage)
        if not _depends_on_item(pipeline, stage):
            message = f"all items of {stage.for_each} would do the same: it refers to no ${{{EACH}.<field>}}"
            remedy = "refer to ${each.name}, or to a stage with the same for_each; or remove for_each"
            yield Finding(("stages", name, "for_each"), message, remedy)


def _shared_locations(name: str, stage: AnyStage) -> Iterator[Finding]:
    for field, uri in stage.own_locations.items():
        if f"${{{EACH}." not in uri:
            message = f"all items of {stage.for_each} would write {field} to {uri}"
            remedy = (
                "add ${each.name} to it, or leave it out: each instance then writes to a folder of its own"
            )
            yield Finding(("stages", name), message, remedy)


def _depends_on_item(pipeline: Pipeline, stage: AnyStage) -> bool:
    """Return whether the stage refers to its item, or to a stage of the same list."""
    own = {name for name, other in pipeline.stages.items() if other.for_each == stage.for_each}
    references = [ref for _, text, _ in texts(stage) for ref in find_references(text)]
    return bool(own & {*stage.after}) or any(
        ref.path[0] == EACH or (ref.stage or "") in own for ref in references
    )


def across_lists(pipeline: Pipeline, site: ReferenceSite, reference: Reference) -> Iterator[Finding]:
    """Yield a reference from outside a list to a single stage of it, which stands for many instances."""
    source = pipeline.stages.get(reference.stage or "")
    own = pipeline.stages[site.stage].for_each if site.stage else None
    if source is None or source.for_each in (None, own):
        return
    word = ".".join(reference.path[2:])
    message = f"{reference.text}: {reference.stage} runs for each item of {source.for_each}"
    remedy = (
        f"write ${{stages.{reference.stage}.all.{word}}} for all of them, or set for_each: {source.for_each}"
    )
    yield Finding(site.path, message, remedy)


def unreviewed_items(pipeline: Pipeline, site: ReferenceSite, reference: Reference) -> bool:
    """Return whether a person who starts a run can choose the value of a reference to an item."""
    stage = pipeline.stages.get(site.stage or "")
    declared = pipeline.lists.get(stage.for_each or "") if stage else None
    if reference.path[0] != EACH or declared is None:
        return False
    return not has_reviewed_items(declared, pipeline.allowed_values)
