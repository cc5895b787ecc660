"""A processing job, and the metrics file it wrote where the stage names one."""

from __future__ import annotations

from stagewright.workflow import jsonata, record, retries
from stagewright.workflow.kinds.kind import Kind
from stagewright.workflow.states import Catch, Task

_METRICS = "$exists($states.input.stages[0].metrics.key)"


def _job(following: str) -> Task:
    return Task(
        "sagemaker:createProcessingJob.sync",
        jsonata.bound("CreateProcessingJob"),
        jsonata.RESULT_OF_PROCESSING,
        following,
        retries.JOBS,
        record.CAUGHT,
        jsonata.TIMEOUT,
    )


_READ = Task(
    "aws-sdk:s3:getObject",
    {
        "Bucket": jsonata.expression("$states.input.stage.metrics.bucket"),
        "Key": jsonata.expression("$states.input.stage.metrics.key"),
        "Range": f"bytes=0-{jsonata.METRICS_LIMIT}",
    },
    jsonata.RESULT_WITH_METRICS,
    record.DONE,
    retries.OBJECTS,
    Catch(record.FAILED, jsonata.NO_METRICS),
)

# Two states for one call: a Choice after the job would cost two history events per stage.
KINDS = (
    Kind("processing", "Run processing", {"Run processing": _job(record.DONE)}, when=f"$not({_METRICS})"),
    Kind(
        "processing",
        "Run measured processing",
        {"Run measured processing": _job("Read metrics"), "Read metrics": _READ},
        when=_METRICS,
    ),
)
