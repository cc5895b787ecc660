"""When a tuning job is complete: MaxRuntimeInSeconds and TuningJobCompletionCriteria."""

from __future__ import annotations

from dataclasses import dataclass

from sagemaker_local.store import Record
from sagemaker_local.tuning.tuning_definition import definitions

IMPROVEMENT = 0.01
"""The minimum relative improvement of a training job (BestObjectiveNotImproving, API reference)."""


@dataclass(frozen=True)
class Completion:
    maximize: bool
    seconds: float | None = None
    target: float | None = None
    not_improving: int | None = None

    def reached(self, seconds: float, objectives: list[float]) -> bool:
        """Whether a criterion is met. `objectives` are in the order in which training jobs ended."""
        return (
            (self.seconds is not None and seconds >= self.seconds)
            or (self.target is not None and self._meets(self.target, objectives))
            or (
                self.not_improving is not None
                and not_improving(objectives, maximize=self.maximize) >= self.not_improving
            )
        )

    def _meets(self, target: float, objectives: list[float]) -> bool:
        return any(value >= target if self.maximize else value <= target for value in objectives)


def completion(tuning_job: Record) -> Completion:
    config = tuning_job["HyperParameterTuningJobConfig"]
    criteria = config.get("TuningJobCompletionCriteria", {})
    return Completion(
        definitions(tuning_job)[0].maximize,
        config["ResourceLimits"].get("MaxRuntimeInSeconds"),
        criteria.get("TargetObjectiveMetricValue"),
        criteria.get("BestObjectiveNotImproving", {}).get("MaxNumberOfTrainingJobsNotImproving"),
    )


def not_improving(objectives: list[float], *, maximize: bool) -> int:
    """The number of objectives since the last improvement of the best one."""
    count, best = 0, None
    for value in objectives:
        if best is None:
            best = value
            continue
        gain = value - best if maximize else best - value
        count = 0 if gain > 0 and gain >= IMPROVEMENT * abs(best) else count + 1
        if gain > 0:
            best = value
    return count
