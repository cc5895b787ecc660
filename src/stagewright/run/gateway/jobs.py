"""SageMaker jobs: how they stand, and stopping them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError

from stagewright.run.gateway.failures import code_of, is_missing, translated

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

JobKind = Literal["processing", "training"]


@dataclass(frozen=True)
class Job:
    """`status`: InProgress, Completed, Failed, Stopping, Stopped, as SageMaker says. Times in epoch seconds.

    `started` is None until the container runs; `metrics` are a training job's so far.
    """

    name: str
    arn: str
    status: str
    detail: str
    created: float
    started: float | None
    ended: float | None
    reason: str
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Jobs:
    client: SageMakerClient

    def describe(self, kind: JobKind, name: str) -> Job | None:
        """None where there is no such job."""
        with translated("sagemaker", f"the {kind} job {name}"):
            try:
                return self._processing(name) if kind == "processing" else self._training(name)
            except ClientError as error:
                if not is_missing(error):
                    raise
                return None

    def stop(self, kind: JobKind, name: str) -> None:
        """Nothing where the job has ended, or never was."""
        with translated("sagemaker", f"the {kind} job {name}"):
            try:
                if kind == "processing":
                    self.client.stop_processing_job(ProcessingJobName=name)
                else:
                    self.client.stop_training_job(TrainingJobName=name)
            except ClientError as error:
                if not is_missing(error) and code_of(error) != "ValidationException":
                    raise

    def _processing(self, name: str) -> Job:
        answer = self.client.describe_processing_job(ProcessingJobName=name)
        return Job(
            name,
            answer["ProcessingJobArn"],
            answer["ProcessingJobStatus"],
            answer["ProcessingJobStatus"],
            answer["CreationTime"].timestamp(),
            _seconds(answer, "ProcessingStartTime"),
            _seconds(answer, "ProcessingEndTime"),
            answer.get("FailureReason", "") or answer.get("ExitMessage", ""),
        )

    def _training(self, name: str) -> Job:
        answer = self.client.describe_training_job(TrainingJobName=name)
        metrics = {each["MetricName"]: each["Value"] for each in answer.get("FinalMetricDataList", [])}
        return Job(
            name,
            answer["TrainingJobArn"],
            answer["TrainingJobStatus"],
            answer.get("SecondaryStatus", ""),
            answer["CreationTime"].timestamp(),
            _seconds(answer, "TrainingStartTime"),
            _seconds(answer, "TrainingEndTime"),
            answer.get("FailureReason", ""),
            metrics,
        )


def _seconds(answer: Mapping[str, Any], name: str) -> float | None:
    """Seconds since the epoch; the local service may leave the field out or answer a null."""
    time = answer.get(name)
    return time.timestamp() if isinstance(time, datetime) else None
