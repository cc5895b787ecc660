"""Inputs of a stage that do not exist."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stagewright.document.reference_sites import texts
from stagewright.errors import Problem
from stagewright.planner.model import StagePlan
from stagewright.stages.registry import AnyStage
from stagewright.syntax.references import find_references


def missing_results(
    name: str, stage: AnyStage, skipped: Mapping[str, StagePlan], partition: str
) -> Iterator[Problem]:
    """Yield the references of a stage to skipped stages, which have no result."""
    for _, text, _ in texts(stage) if skipped else ():
        for reference in find_references(text):
            if source := skipped.get(reference.stage or ""):
                message = f"{source.reason}, and there is no result in partition {partition}"
                yield Problem(
                    f"stages.{source.name}",
                    f"{message}; {name} needs {reference.text}",
                    "enable it for one run",
                )


def missing_data(
    name: str, external: Mapping[str, str], digests: Mapping[str, str], date: str
) -> Iterator[Problem]:
    """Yield the external inputs of a stage (field -> S3 URI) without a digest. `date`: of the run."""
    remedy = "upload it, or name it in sample_data"
    if date in "".join(external.values()):
        remedy += "; --date DATE is for another date, stagewright backfill PIPELINE for several"
    for field, uri in external.items():
        if not digests.get(uri):
            yield Problem(f"stages.{name}.{field}", f"nothing at {uri}", remedy)
