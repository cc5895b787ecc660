"""The training jobs of tuning jobs: their records, summaries, counters and the best one.

A tuning job stores one extra record per training job. Everything else is read from the training job, so
counters and the best job are always current, also after a restart.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from sagemaker_local.jobs.kinds import TRAINING, TUNED, TUNING
from sagemaker_local.jobs.transitions import COMPLETED, ENDED, STOPPED
from sagemaker_local.store import Record, Store
from sagemaker_local.tuning.tuning_definition import Definition

RETRYABLE = "InternalServerError"
"""RetryableError counts jobs that failed by an error of the service (TrainingJobStatusCounters)."""
COPIED = (
    "TrainingJobName",
    "TrainingJobArn",
    "CreationTime",
    "TrainingStartTime",
    "TrainingEndTime",
    "TrainingJobStatus",
    "FailureReason",
)


def tuned_job(name: str, tuning_job: Record, definition: Definition, values: dict[str, str]) -> Record:
    """The extra record for a training job."""
    return {
        "TrainingJobName": name,
        "TuningJobName": tuning_job[TUNING.name],
        "TuningJobArn": tuning_job[TUNING.arn],
        "TrainingJobDefinitionName": definition.name,
        "TunedHyperParameters": values,
        "ObjectiveType": definition.objective,
        "MetricName": definition.metric,
    }


def summaries(store: Store, tuning_job: str) -> list[Record]:
    """The HyperParameterTrainingJobSummary of each training job, oldest first."""
    own = [record for record in store.all(TUNED) if record["TuningJobName"] == tuning_job]
    jobs = ((record, store.get(TRAINING.path, record["TrainingJobName"])) for record in own)
    return [summary(record, job) for record, job in jobs if job is not None]


def delete_all(store: Store, tuning_job: str) -> None:
    for record in store.all(TUNED):
        if record["TuningJobName"] == tuning_job:
            store.delete(TUNED, record["TrainingJobName"])


def summary(tuned: Record, job: Record) -> Record:
    value = objective_value(tuned["MetricName"], job)
    status = (
        "Pending" if job["TrainingJobStatus"] not in ENDED else "Failed" if value is None else "Succeeded"
    )
    metric = {"Type": tuned["ObjectiveType"], "MetricName": tuned["MetricName"], "Value": value}
    return {
        **{key: job[key] for key in COPIED if key in job},
        **{
            key: tuned[key]
            for key in ("TuningJobName", "TunedHyperParameters", "TrainingJobDefinitionName")
            if tuned[key]
        },
        "ObjectiveStatus": status,
        **({} if value is None else {"FinalHyperParameterTuningJobObjectiveMetric": metric}),
    }


def objective_value(metric: str, job: Record) -> float | None:
    """The objective of a completed or stopped training job; None if its log had none."""
    if job["TrainingJobStatus"] not in (COMPLETED, STOPPED):
        return None
    final = job.get("FinalMetricDataList", [])
    return next((item["Value"] for item in final if item["MetricName"] == metric), None)


def value_of(item: Record) -> float:
    return float(item["FinalHyperParameterTuningJobObjectiveMetric"]["Value"])


def evaluated(items: list[Record]) -> list[Record]:
    return [item for item in items if item["ObjectiveStatus"] == "Succeeded"]


def objectives(items: list[Record]) -> list[float]:
    """The objectives in the order in which the jobs ended."""
    return [value_of(item) for item in sorted(evaluated(items), key=lambda item: item["TrainingEndTime"])]


def best(items: list[Record], *, maximize: bool) -> Record | None:
    """The best completed job; the first one if several are equal."""
    candidates = [item for item in evaluated(items) if item["TrainingJobStatus"] == COMPLETED]
    if not candidates:
        return None
    return max(candidates, key=lambda item: value_of(item) if maximize else -value_of(item))


def counters(items: list[Record]) -> dict[str, Any]:
    """TrainingJobStatusCounters and ObjectiveStatusCounters."""
    statuses = Counter(_counted(item) for item in items)
    objectives = Counter(item["ObjectiveStatus"] for item in items)
    return {
        "TrainingJobStatusCounters": {
            name: statuses[name]
            for name in ("Completed", "InProgress", "RetryableError", "NonRetryableError", "Stopped")
        },
        "ObjectiveStatusCounters": {name: objectives[name] for name in ("Succeeded", "Pending", "Failed")},
    }


def _counted(item: Record) -> str:
    match item["TrainingJobStatus"]:
        case "Failed":
            is_retryable = item.get("FailureReason", "").startswith(RETRYABLE)
            return "RetryableError" if is_retryable else "NonRetryableError"
        case "Completed" | "Stopped":
            return str(item["TrainingJobStatus"])
    return "InProgress"
