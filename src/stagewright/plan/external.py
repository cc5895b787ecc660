"""Data that a run reads and that no stage of it makes."""

from __future__ import annotations

from collections.abc import Iterator

from stagewright.naming import Installation
from stagewright.plan.model import Trigger
from stagewright.plan.values import Values, document_values, lookup, refers_to_stage
from stagewright.spec.kinds import AnyStage, Endpoint, Processing, Register, Training
from stagewright.spec.pipeline import Pipeline
from stagewright.spec.references import render


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
    match stage:
        case Processing():
            yield from ((f"inputs.{name}", uri) for name, uri in stage.inputs.items())
        case Training():
            yield from ((f"channels.{name}", uri) for name, uri in stage.channels.items())
        case Register():
            yield "model", stage.model
            yield from [("metrics", stage.metrics)] if stage.metrics else ()
        case Endpoint():
            yield "model", stage.model
