"""The stages that one run is for."""

from __future__ import annotations

from collections.abc import Collection

from stagewright.errors import PlanError, Problem
from stagewright.spec.findings import nearest
from stagewright.spec.pipeline import Pipeline


def selected(pipeline: Pipeline, only: Collection[str]) -> Pipeline:
    """The document with every stage off that is not in `only`; as it is where `only` is empty.

    A stage that the document has off stays off. PlanError: no such stage.
    """
    if not only:
        return pipeline
    unknown = [name for name in only if name not in pipeline.stages]
    if unknown:
        raise PlanError(
            tuple(
                Problem("only", f"no such stage: {name}", nearest(name, pipeline.stages, "stages"))
                for name in unknown
            )
        )
    stages = {
        name: stage if name in only or not stage.enabled else stage.model_copy(update={"enabled": False})
        for name, stage in pipeline.stages.items()
    }
    return pipeline.model_copy(update={"stages": stages})
