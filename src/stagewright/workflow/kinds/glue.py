"""A run of a Glue job, and the metrics file it wrote where the stage names one.

With `.sync` the answer is the JobRun itself, and so is the cause of a failure ("Start an AWS Glue job with
Step Functions"; AWS CDK, GlueStartJobRun).
"""

from __future__ import annotations

from stagewright.workflow import jsonata, record, retries
from stagewright.workflow.jsonata import with_
from stagewright.workflow.kinds import metrics
from stagewright.workflow.kinds.kind import Kind
from stagewright.workflow.states import Catch, Task

RESULT = with_("""
    'result': { 'job': $states.result.Id, 'outputs': $states.input.stage.outputs }
""")


def _run(following: str) -> Task:
    return Task(
        "glue:startJobRun.sync",
        jsonata.bound("StartJobRun"),
        RESULT,
        following,
        retries.GLUE,
        Catch(record.FAILED, jsonata.LATE_OR_CAUGHT),
        jsonata.TIMEOUT,
    )


KINDS = (
    Kind("glue", "Run Glue job", {"Run Glue job": _run(record.DONE)}, when=f"$not({metrics.NAMED})"),
    Kind(
        "glue",
        "Run measured Glue job",
        {"Run measured Glue job": _run(metrics.READ), **metrics.STATES},
        when=metrics.NAMED,
    ),
)
