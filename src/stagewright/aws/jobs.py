"""Jobs of Amazon SageMaker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError

from stagewright.aws.errors import error_code, if_exists, is_missing, translate_errors

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

JobKind = Literal["processing", "training", "tuning", "transform"]


@dataclass(frozen=True)
class Job:
    """One job. Times are epoch seconds.

    `status` is InProgress, Completed, Failed, Stopping or Stopped. `detail` is the secondary status of a
    training job, or the progress of a tuning job. `started` is None until the container runs. `metrics` are
    those of a training job so far, or the objective of a tuning job's best training job.
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
    """Reads and stops jobs."""

    client: SageMakerClient

    def describe(self, kind: JobKind, name: str) -> Job | None:
        """Return a job, or None if there is none. Calls the Describe operation of the kind."""
        with translate_errors("sagemaker", f"the {kind} job {name}"):
            return if_exists(self._describe, kind=kind, name=name)

    def stop(self, kind: JobKind, name: str) -> None:
        """Stop a job. Does nothing if the job has ended, is stopping, or does not exist.

        Calls the Stop operation of the kind. For an ended job SageMaker raises ValidationException with an
        undocumented message, as for other mistakes. So this method then reads the status of the job.
        """
        with translate_errors("sagemaker", f"the {kind} job {name}"):
            try:
                self._stop(kind, name)
            except ClientError as error:
                if not is_missing(error) and not self._is_over(error, kind, name):
                    raise

    def _is_over(self, error: ClientError, kind: JobKind, name: str) -> bool:
        if error_code(error) != "ValidationException":
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
        metrics = {metric["MetricName"]: metric["Value"] for metric in answer.get("FinalMetricDataList", [])}
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
    """Return a text such as `3 of 10 training jobs completed, 2 in progress, 1 failed`."""
    counts = answer["TrainingJobStatusCounters"]
    failed = counts.get("RetryableError", 0) + counts.get("NonRetryableError", 0)
    most = answer["HyperParameterTuningJobConfig"]["ResourceLimits"].get("MaxNumberOfTrainingJobs")
    total = f" of {most}" if most else ""
    others = (
        (counts.get("InProgress"), "in progress"),
        (failed, "failed"),
        (counts.get("Stopped"), "stopped"),
    )
    rest = [f"{count} {what}" for count, what in others if count]
    return ", ".join([f"{counts.get('Completed', 0)}{total} training jobs completed", *rest])


def _seconds(answer: Mapping[str, Any], name: str) -> float | None:
    """Return epoch seconds, or None. The local service may leave the field out or return null."""
    time = answer.get(name)
    return time.timestamp() if isinstance(time, datetime) else None
