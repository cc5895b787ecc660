"""The instances that a stage's requests hold at most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

HOUR = 3600


@dataclass(frozen=True)
class Use:
    """Instances of one type that a stage holds.

    `hours`: instance-hours at most, all attempts together. None: the instances serve until they are removed.
    `purpose`: as Service Quotas names it. `volume`: GB of each instance's volume. `price`: of an hour of one
    instance with its volume, as decimal text. Empty: unknown.
    """

    purpose: str
    instance_type: str
    instances: int
    hours: float | None
    volume: int = 0
    price: str = ""


def job_use(purpose: str, resources: Mapping[str, Any], seconds: float, attempts: int) -> Use:
    """The use of a job that runs for `seconds` in each attempt.

    A warm pool keeps the instances of a training job after it, which is billed (SageMaker developer guide,
    "Train Using SageMaker AI Managed Warm Pools").
    """
    count = int(resources["InstanceCount"])
    held = seconds + int(resources.get("KeepAlivePeriodInSeconds", 0))
    hours = count * attempts * held / HOUR
    return Use(purpose, resources["InstanceType"], count, hours, int(resources.get("VolumeSizeInGB", 0)))


def instance_groups(resources: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The job's instance groups. A job may have several types (ResourceConfig.InstanceGroups)."""
    return [{**resources, **group} for group in resources.get("InstanceGroups") or [{}]]


def runtime_limit(request: Mapping[str, Any], timeout: int) -> int:
    """Seconds that the job may run: its stopping condition, or the stage's timeout if it has none."""
    return int(request.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", timeout))


def training_purpose(job: Mapping[str, Any]) -> str:
    """The quota that a training job counts against."""
    return "spot training job" if job.get("EnableManagedSpotTraining") else "training job"
