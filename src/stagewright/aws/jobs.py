"""SageMaker jobs: how they stand, and stopping them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError

from stagewright.aws.errors import code_of, is_missing, translated

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

JobKind = Literal["processing", "training", "tuning", "transform"]


@dataclass(frozen=True)
class Job:
    """`status`: InProgress, Completed, Failed, Stopping, Stopped, as SageMaker says. Times in epoch seconds.

    `started` is None until the container runs; `metrics` are a training job's so far, or the objective of a
    tuning job's best training job.
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
                return self._describe(kind, name)
            except ClientError as error:
                if not is_missing(error):
                    raise
                return None

    def stop(self, kind: JobKind, name: str) -> None:
        """Nothing where the job has ended or is ending, or never was.

        SageMaker refuses that with ValidationException, as it does much else, in a sentence that no document
        of AWS's has; so the job is asked how it stands.
        """
        with translated("sagemaker", f"the {kind} job {name}"):
            try:
                self._stop(kind, name)
            except ClientError as error:
                if not is_missing(error) and not self._refused_as_over(error, kind, name):
                    raise

    def _refused_as_over(self, error: ClientError, kind: JobKind, name: str) -> bool:
        if code_of(error) != "ValidationException":
            return False
        job = self.describe(kind, name)
        return job is None or job.status != "InProgress"

    def _describe(self, kind: JobKind, name: str) -> Job:
        match kind:
            case "processing":
                return self._processing(name)
            case "training":
                return self._training(name)
            case "tuning":
                return self._tuning(name)
            case "transform":
                return self._transform(name)

    def _stop(self, kind: JobKind, name: str) -> None:
        match kind:
            case "processing":
                self.client.stop_processing_job(ProcessingJobName=name)
            case "training":
                self.client.stop_training_job(TrainingJobName=name)
            case "tuning":
                self.client.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
            case "transform":
                self.client.stop_transform_job(TransformJobName=name)

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

    def _tuning(self, name: str) -> Job:
        answer = self.client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
        objective = answer.get("BestTrainingJob", {}).get("FinalHyperParameterTuningJobObjectiveMetric")
        return Job(
            name,
            answer["HyperParameterTuningJobArn"],
            answer["HyperParameterTuningJobStatus"],
            _progress(answer),
            answer["CreationTime"].timestamp(),
            answer["CreationTime"].timestamp(),
            _seconds(answer, "HyperParameterTuningEndTime"),
            answer.get("FailureReason", ""),
            {objective["MetricName"]: objective["Value"]} if objective else {},
        )

    def _transform(self, name: str) -> Job:
        answer = self.client.describe_transform_job(TransformJobName=name)
        return Job(
            name,
            answer["TransformJobArn"],
            answer["TransformJobStatus"],
            answer["TransformJobStatus"],
            answer["CreationTime"].timestamp(),
            _seconds(answer, "TransformStartTime"),
            _seconds(answer, "TransformEndTime"),
            answer.get("FailureReason", ""),
        )


def _progress(answer: Mapping[str, Any]) -> str:
    """Such as `3 of 10 training jobs completed, 2 in progress, 1 failed`."""
    counts = answer["TrainingJobStatusCounters"]
    failed = counts.get("RetryableError", 0) + counts.get("NonRetryableError", 0)
    most = answer["HyperParameterTuningJobConfig"]["ResourceLimits"].get("MaxNumberOfTrainingJobs")
    of = f" of {most}" if most else ""
    others = (
        (counts.get("InProgress"), "in progress"),
        (failed, "failed"),
        (counts.get("Stopped"), "stopped"),
    )
    told = [f"{count} {what}" for count, what in others if count]
    return ", ".join([f"{counts.get('Completed', 0)}{of} training jobs completed", *told])


def _seconds(answer: Mapping[str, Any], name: str) -> float | None:
    """Seconds since the epoch; the local service may leave the field out or answer a null."""
    time = answer.get(name)
    return time.timestamp() if isinstance(time, datetime) else None
