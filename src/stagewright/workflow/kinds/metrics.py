"""The metrics file that a job wrote, read when the job has ended."""

from __future__ import annotations

from stagewright.workflow import jsonata, record, retries
from stagewright.workflow.states import Catch, Task

NAMED = "$exists($states.input.stages[0].metrics.key)"
"""Whether the next stage names one."""
READ = "Read metrics"
STATES = {
    READ: Task(
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
}
