"""A processing job, and the metrics file it wrote where the stage names one."""

from __future__ import annotations

from stagewright.workflow import jsonata, record, retries
from stagewright.workflow.jsonata import with_
from stagewright.workflow.kinds import metrics
from stagewright.workflow.kinds.kind import Kind
from stagewright.workflow.states import Task

RESULT = with_("""
    'result': { 'job': $states.input.stage.job, 'arn': $states.result.ProcessingJobArn,
                'outputs': $states.input.stage.outputs }
""")


def _job(following: str) -> Task:
    return Task(
        "sagemaker:createProcessingJob.sync",
        jsonata.bound("CreateProcessingJob"),
        RESULT,
        following,
        retries.JOBS,
        record.CAUGHT,
        jsonata.TIMEOUT,
    )


# Two states for one call: a Choice after the job would cost two history events per stage.
KINDS = (
    Kind(
        "processing",
        "Run processing",
        {"Run processing": _job(record.DONE)},
        when=f"$not({metrics.NAMED})",
    ),
    Kind(
        "processing",
        "Run measured processing",
        {"Run measured processing": _job(metrics.READ), **metrics.STATES},
        when=metrics.NAMED,
    ),
)
