"""Data that a run reads, and that none of its stages writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stagewright.document.pipeline import Pipeline
from stagewright.naming import Installation
from stagewright.planner.model import Trigger
from stagewright.planner.values import Values, document_values, lookup, refers_to_stage
from stagewright.stages.registry import AnyStage
from stagewright.syntax.references import render

SOURCES = ("inputs", "channels", "model", "input", "metrics")
"""Fields of stages that name data. `metrics` counts only where it is a URI (register stages)."""


def external_inputs(pipeline: Pipeline, trigger: Trigger, installation: Installation) -> tuple[str, ...]:
    """Return the S3 URIs of external data, each once, in document order.

    Disabled stages are included, to find out whether their results are stale.
    """
    values = document_values(pipeline, trigger, installation, run="")
    uris = (uri for stage in pipeline.stages.values() for _, uri in external_of(stage, values))
    return tuple(dict.fromkeys(uris))


def external_of(stage: AnyStage, values: Values) -> Iterator[tuple[str, str]]:
    """Yield field (`inputs.sales`) and S3 URI of each external input of a stage."""
    for field, text in _sources(stage):
        if not refers_to_stage(text):
            uri = render(text, lambda reference: lookup(values, reference))
            if str(uri).startswith("s3://"):
                yield field, str(uri)


def _sources(stage: AnyStage) -> Iterator[tuple[str, str]]:
    for field in SOURCES:
        source = getattr(stage, field, None)
        if isinstance(source, str):
            yield field, source
        elif isinstance(source, Mapping) and field != "metrics":
            yield from ((f"{field}.{name}", str(getattr(item, "uri", item))) for name, item in source.items())
