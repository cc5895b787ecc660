"""The states of processing stages: the job, and its metrics file if the stage has one."""

from __future__ import annotations

from stagewright.asl import Task
from stagewright.stages.base import expressions, metrics_file, result_states, retries, stop_when_late
from stagewright.stages.base.expressions import with_
from stagewright.stages.base.states import Entry, Permissions

RESULT = with_("""
    'result': { 'job': $states.input.stage.job, 'arn': $states.result.ProcessingJobArn,
                'outputs': $states.input.stage.outputs }
""")


def _job(following: str) -> Task:
    return Task(
        "sagemaker:createProcessingJob.sync",
        expressions.bound("CreateProcessingJob"),
        RESULT,
        following,
        retries.JOBS,
        result_states.CAUGHT,
        expressions.TIMEOUT,
        stop_when_late.late("Stop processing"),
    )


_STOP = {"Stop processing": stop_when_late.stop("stopProcessingJob", "ProcessingJobName")}
# There are two states for one call, because a Choice after the job would cost two history events per stage.
STATES = (
    Entry(
        "Run processing",
        {"Run processing": _job(result_states.DONE), **_STOP},
        when=f"$not({metrics_file.NAMED})",
    ),
    Entry(
        "Run measured processing",
        {"Run measured processing": _job(metrics_file.READ), **metrics_file.STATES, **_STOP},
        when=metrics_file.NAMED,
    ),
)
PERMISSIONS: Permissions = {
    "Create": ("sagemaker:CreateProcessingJob",),
}
