"""Job statuses and their transitions.

Starting, Downloading, Training and Uploading are InProgress. LaunchingMLInstances, PreparingTrainingStack and
DownloadingTrainingImage are no longer used (DescribeTrainingJob, API reference: SecondaryStatus,
SecondaryStatusTransition). The status messages are those of the documentation, which says that they may
change.
"""

from __future__ import annotations

from sagemaker_local.store import Record

IN_PROGRESS, STOPPING, COMPLETED, FAILED, STOPPED = "InProgress", "Stopping", "Completed", "Failed", "Stopped"
ENDED = frozenset({COMPLETED, FAILED, STOPPED})

ALLOWED: dict[str, frozenset[str]] = {
    IN_PROGRESS: frozenset({IN_PROGRESS, STOPPING, COMPLETED, FAILED}),
    STOPPING: frozenset({STOPPED, FAILED}),
    COMPLETED: frozenset(),
    FAILED: frozenset(),
    STOPPED: frozenset(),
}

STATUS_OF = {
    "Starting": IN_PROGRESS,
    "Downloading": IN_PROGRESS,
    "Training": IN_PROGRESS,
    "Uploading": IN_PROGRESS,
    "Stopping": STOPPING,
    "Stopped": STOPPED,
    "MaxRuntimeExceeded": STOPPED,
    "Completed": COMPLETED,
    "Failed": FAILED,
}

MESSAGES = {
    "Starting": "Preparing the instances for training",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Uploading": "Uploading generated training model",
    "Stopping": "Stopping the training job",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
    "Completed": "Training job completed",
    "Failed": "Training job failed",
}


def may_become(status: str, following: str) -> bool:
    return following in ALLOWED[status]


def add_transition(record: Record, secondary: str, time: float) -> None:
    """End the last transition and append a new one. A final transition gets an end time."""
    transitions = record.setdefault("SecondaryStatusTransitions", [])
    if transitions:
        transitions[-1].setdefault("EndTime", time)
    ended = {"EndTime": time} if STATUS_OF[secondary] in ENDED else {}
    message = MESSAGES[secondary]
    transitions.append({"Status": secondary, "StartTime": time, **ended, "StatusMessage": message})
    record["SecondaryStatus"] = secondary
