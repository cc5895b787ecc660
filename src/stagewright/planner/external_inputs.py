"""Data that a run reads and that no stage of it makes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stagewright.document.pipeline import Pipeline
from stagewright.naming import Installation
from stagewright.planner.model import Trigger
from stagewright.planner.values import Values, document_values, lookup, refers_to_stage
from stagewright.stages.registry import AnyStage
from stagewright.syntax.references import render

SOURCES = ("inputs", "channels", "model", "input", "metrics")
"""Fields of stages that name data; `metrics` where it is a URI (of a register stage)."""


def external_inputs(pipeline: Pipeline, trigger: Trigger, installation: Installation) -> tuple[str, ...]:
    """Every S3 URI of them once, in document order, of stages that are off too: those may be found stale."""
    values = document_values(pipeline, trigger, installation, run="")
    found = (uri for stage in pipeline.stages.values() for _, uri in external_of(stage, values))
    return tuple(dict.fromkeys(found))


def external_of(stage: AnyStage, values: Values) -> Iterator[tuple[str, str]]:
    """Field of the stage (`inputs.sales`), and S3 URI."""
    for field, text in _sources(stage):
        if not refers_to_stage(text):
            uri = render(text, lambda reference: lookup(values, reference))
            if str(uri).startswith("s3://"):
                yield field, str(uri)


def _sources(stage: AnyStage) -> Iterator[tuple[str, str]]:
    for field in SOURCES:
        found = getattr(stage, field, None)
        if isinstance(found, str):
            yield field, found
        elif isinstance(found, Mapping) and field != "metrics":
            yield from ((f"{field}.{name}", uri) for name, uri in found.items())
