"""The states of glue stages: the job run, and its metrics file if the stage has one.

With `.sync`, the result and the cause of a failure are the JobRun ("Start an AWS Glue job with Step
Functions"; AWS CDK, GlueStartJobRun).

A run that takes too long is stopped (see `stop_when_late`). Glue chooses a run's id, and a task that timed
out has no result, so the run is found by its argument `GLUE_JOB_ARGUMENT` among the job's runs, newest first.
"""

from __future__ import annotations

from stagewright.asl import Catch, Choice, Rule, State, Task, expression
from stagewright.naming import GLUE_JOB_ARGUMENT
from stagewright.stages.base import expressions, metrics_file, result_states, retries, stop_when_late
from stagewright.stages.base.expressions import filled, with_
from stagewright.stages.base.states import Entry, Permissions

RESULT = with_("""
    'result': { 'job': $states.result.Id, 'outputs': $states.input.stage.outputs }
""")
FIND = "Find late Glue run"
MOST_RUNS = 50
"""Runs per page. A run has about 2 KB, and a task's result 256 KiB at most."""
PAGE = expression(f"""
    $merge([ {{ 'JobName': {filled("StartJobRun", "JobName")}, 'MaxResults': {MOST_RUNS} }},
             $exists($states.input.late.next) ? {{ 'NextToken': $states.input.late.next }} : {{}} ])
""")
FOUND = with_(f"""
    'late': {{
      'definition': $states.result.JobRuns[0].JobName,
      'runs': [$states.result.JobRuns[
        $lookup(Arguments, '--{GLUE_JOB_ARGUMENT}') = $states.input.stage.job].Id],
      'next': $states.result.NextToken }}
""")


def _run(following: str) -> Task:
    return Task(
        "glue:startJobRun.sync",
        expressions.bound("StartJobRun"),
        RESULT,
        following,
        retries.GLUE,
        result_states.CAUGHT,
        expressions.TIMEOUT,
        stop_when_late.late(FIND),
    )


_UNSTOPPED = Catch(result_states.FAILED, expressions.INPUT)
_STOP: dict[str, State] = {
    FIND: Task(
        "aws-sdk:glue:getJobRuns",
        PAGE,
        FOUND,
        "Late Glue run?",
        retries.GLUE_SDK,
        _UNSTOPPED,
    ),
    "Late Glue run?": Choice(
        (
            Rule(expression("$exists($states.input.late.runs[0])"), "Stop Glue run"),
            Rule(
                expression("$exists($states.input.late.definition) and $exists($states.input.late.next)"),
                FIND,
            ),
        ),
        default=result_states.FAILED,
    ),
    "Stop Glue run": Task(
        "aws-sdk:glue:batchStopJobRun",
        {
            "JobName": expression("$states.input.late.definition"),
            "JobRunIds": expression("$states.input.late.runs"),
        },
        expressions.INPUT,
        result_states.FAILED,
        retries.GLUE_SDK,
        _UNSTOPPED,
    ),
}
STATES = (
    Entry(
        "Run Glue job",
        {"Run Glue job": _run(result_states.DONE), **_STOP},
        when=f"$not({metrics_file.NAMED})",
    ),
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
