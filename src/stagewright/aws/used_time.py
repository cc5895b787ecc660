"""The instance time that ended jobs used, as AWS bills it.

Training: BillableTimeInSeconds times the instances, which is less than TrainingTimeInSeconds on Spot
instances, and the warm pool after the job. Processing and transform: from start to end. Tuning: all its
training jobs, because ConsumedResources is wall-clock time. (SageMaker API reference, the Describe
operations.)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any

from stagewright.aws.errors import if_exists, translate_errors

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

ACTIVE = frozenset(("InProgress", "Stopping"))
HELD = frozenset(("Available", "InUse"))
"""Statuses of a warm pool whose billable time still grows (SageMaker API reference, WarmPoolStatus)."""


@dataclass(frozen=True)
class UsedTime:
    """What one job used. `seconds`: instance type -> billed instance-seconds. `saved`: by Spot instances.

    `final`: the numbers do not change anymore.
    """

    seconds: Mapping[str, int]
    saved: int = 0
    final: bool = True


NOTHING = UsedTime({})


@dataclass(frozen=True)
class UsedTimes:
    """Reads the used time of SageMaker's jobs."""

    client: SageMakerClient

    def of(self, kind: str, name: str) -> UsedTime:
        """Return what a training, processing or transform job used. `NOTHING`: it does not exist.

        Calls the Describe operation of the kind.
        """
        read: Callable[[str], UsedTime] = getattr(self, f"_{kind}")
        with translate_errors("sagemaker", f"the {kind} job {name}"):
            return if_exists(read, name=name) or NOTHING

    def trainings(self, name: str) -> list[str]:
        """Return the training jobs of a tuning job. Empty: it does not exist."""
        with translate_errors("sagemaker", f"the tuning job {name}"):
            return if_exists(self._trainings, name=name) or []

    def _trainings(self, name: str) -> list[str]:
        pages = self.client.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job").paginate(
            HyperParameterTuningJobName=name
        )
        return [job["TrainingJobName"] for page in pages for job in page["TrainingJobSummaries"]]

    def _training(self, name: str) -> UsedTime:
        answer = self.client.describe_training_job(TrainingJobName=name)
        billed = answer.get("BillableTimeInSeconds", _lasted(answer, "Training"))
        saved = max(0, answer.get("TrainingTimeInSeconds", billed) - billed)
        pool: Mapping[str, Any] = answer.get("WarmPoolStatus", {})
        billed += pool.get("ResourceRetainedBillableTimeInSeconds", 0)
        instances = list(_instances(answer["ResourceConfig"]))
        final = answer["TrainingJobStatus"] not in ACTIVE and pool.get("Status") not in HELD
        return UsedTime(_times(instances, billed), saved * sum(count for _, count in instances), final)

    def _processing(self, name: str) -> UsedTime:
        answer = self.client.describe_processing_job(ProcessingJobName=name)
        return _job(answer, "Processing", answer["ProcessingResources"]["ClusterConfig"])

    def _transform(self, name: str) -> UsedTime:
        answer = self.client.describe_transform_job(TransformJobName=name)
        return _job(answer, "Transform", answer["TransformResources"])


def _job(answer: Mapping[str, Any], kind: str, resources: Mapping[str, Any]) -> UsedTime:
    final = answer[f"{kind}JobStatus"] not in ACTIVE
    return UsedTime(_times(_instances(resources), _lasted(answer, kind)), final=final)


def _lasted(answer: Mapping[str, Any], kind: str) -> int:
    """Return the seconds from start to end. 0: the job has not started, or not ended."""
    started, ended = answer.get(f"{kind}StartTime"), answer.get(f"{kind}EndTime")
    return ceil((ended - started).total_seconds()) if started and ended else 0


def _instances(resources: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """Yield each instance type of a job with its number of instances."""
    for group in resources.get("InstanceGroups") or [resources]:
        yield group["InstanceType"], int(group["InstanceCount"])


def _times(instances: Iterable[tuple[str, int]], seconds: int) -> dict[str, int]:
    times: Counter[str] = Counter()
    for instance_type, count in instances:
        times[instance_type] += seconds * count
    return {name: total for name, total in times.items() if total}
