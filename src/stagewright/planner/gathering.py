"""Gathering: a stage that reads the outputs of all instances of another one, as one folder.

The instances of a run write side by side, one folder per item. Reused results are elsewhere, so they are
copied there before the run starts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stagewright.document.pipeline import Pipeline
from stagewright.document.reference_sites import texts
from stagewright.errors import Problem
from stagewright.naming import item_of, stage_of
from stagewright.planner.model import StagePlan
from stagewright.planner.values import Values, gathered_folder
from stagewright.stages.registry import AnyStage
from stagewright.syntax.references import Reference, find_references


def copies(stage: AnyStage, values: Values, planned: Mapping[str, StagePlan]) -> dict[str, str]:
    """Return S3 URI of a reused output or model that the stage gathers -> where the run needs it."""
    return {
        source: gathered_folder(values, reference) + target
        for reference in gathered(stage)
        for instance in _instances(reference, planned)
        if instance.action == "reuse" and (source := _source(reference, instance))
        for target in [_within(source, item_of(instance.name))]
    }


def problems(pipeline: Pipeline, name: str, planned: Mapping[str, StagePlan]) -> Iterator[Problem]:
    """Yield the references of a stage that would gather nothing."""
    for reference in gathered(pipeline.stages[name]):
        instances = _instances(reference, planned)
        if all(instance.action == "skip" for instance in instances):
            why = instances[0].reason if instances else "it has no instances"
            message = f"{why}, and no item has a result; {name} needs {reference.text}"
            yield Problem(f"stages.{reference.gathered}", message, "enable it for one run")


def gathered(stage: AnyStage) -> tuple[Reference, ...]:
    """Return the references of a stage to all instances of another one, each once."""
    written = (ref for _, text, _ in texts(stage) if ".all." in text for ref in find_references(text))
    return tuple(dict.fromkeys(ref for ref in written if ref.gathered))


def _instances(reference: Reference, planned: Mapping[str, StagePlan]) -> list[StagePlan]:
    return [
        stage for name, stage in planned.items() if item_of(name) and stage_of(name) == reference.gathered
    ]


def _source(reference: Reference, instance: StagePlan) -> str:
    """Return the S3 URI of what the reference gathers of one instance. Empty: its result lacks it."""
    _, _, _, word, *name = reference.path
    value = instance.result.get(word)
    uri = value.get(name[0]) if name and isinstance(value, Mapping) else value
    return str(uri or "")


def _within(source: str, item: str) -> str:
    """Return the path of a source within the gathered folder: from its item's folder on."""
    tail = f"{source.rstrip('/')}/".rpartition(f"/{item}/")[2].rstrip("/")
    return f"{item}/{tail}" if tail else item
