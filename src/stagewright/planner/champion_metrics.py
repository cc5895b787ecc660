"""The metrics of the champion, which gates compare with."""

from __future__ import annotations

from typing import Any

from stagewright.errors import PlanError, Problem
from stagewright.planner.model import Champion
from stagewright.stages.registry import AnyStage
from stagewright.syntax.condition import references
from stagewright.syntax.references import Reference, text_of

NO_CHAMPION = "none yet"
"""Replaces a champion's metric in a fingerprint while there is no champion."""


def champion_inputs(name: str, stage: AnyStage, champion: Champion | None) -> dict[str, str]:
    """Return the champion's metrics that a gate compares with, as inputs of its fingerprint."""
    if not stage.judges:
        return {}
    compared = [reference for reference in references(stage.condition) if reference.of_champion]
    metrics = {".".join(reference.path): champion_metric(name, reference, champion) for reference in compared}
    return {path: NO_CHAMPION if value is None else text_of(value) for path, value in metrics.items()}


def champion_metric(name: str, reference: Reference, champion: Champion | None) -> Any:
    """Return a metric of the champion, or None if there is no champion.

    Raises PlanError if the champion has no such metric.
    """
    if champion is None:
        return None
    _, stage, word, metric = reference.path
    result = champion.results.get(stage)
    value = result.result.get(word, {}).get(metric) if result else None
    if value is None:
        origin = f"made by run {champion.run}" if champion.run else "not made by a run of this installation"
        message = f"the champion ({champion.package}, {origin}) has no {stage}.{word}.{metric}"
        remedy = "leave this comparison out until a version that has it is approved"
        raise PlanError((Problem(f"stages.{name}.require", message, remedy),))
    return value
