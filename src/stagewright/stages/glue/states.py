"""The states of glue stages: the job run, and its metrics file if the stage has one.

With `.sync`, the result and the cause of a failure are the JobRun ("Start an AWS Glue job with Step
Functions"; AWS CDK, GlueStartJobRun).
"""

from __future__ import annotations

from stagewright.asl import Catch, Task
from stagewright.stages.base import expressions, metrics_file, result_states, retries
from stagewright.stages.base.expressions import with_
from stagewright.stages.base.states import Entry, Permissions

RESULT = with_("""
    'result': { 'job': $states.result.Id, 'outputs': $states.input.stage.outputs }
""")


def _run(following: str) -> Task:
    return Task(
        "glue:startJobRun.sync",
        expressions.bound("StartJobRun"),
        RESULT,
        following,
        retries.GLUE,
        Catch(result_states.FAILED, expressions.LATE_OR_CAUGHT),
        expressions.TIMEOUT,
    )


STATES = (
    Entry("Run Glue job", {"Run Glue job": _run(result_states.DONE)}, when=f"$not({metrics_file.NAMED})"),
    Entry(
        "Run measured Glue job",
        {"Run measured Glue job": _run(metrics_file.READ), **metrics_file.STATES},
        when=metrics_file.NAMED,
    ),
)
_RUN_ACTIONS = ("glue:StartJobRun", "glue:GetJobRun", "glue:GetJobRuns", "glue:BatchStopJobRun")
"""Each takes a job as the resource and the job's tags as a condition ("Actions, resources, and condition keys
for AWS Glue"). `.sync` polls Glue, so it needs no managed rule."""
PERMISSIONS: Permissions = {"GlueJobs": _RUN_ACTIONS, "TaggedGlueJobs": _RUN_ACTIONS}
