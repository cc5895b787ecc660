"""The state machine stops a job that takes too long.

Step Functions tries to stop a `.sync` job when its execution is stopped or its Map iteration fails (Developer
Guide, "Run a Job (.sync)"). AWS does not document that it stops the job when the task times out. The timeout
counts from the submission, and the job's own limit from its start, so a job that waited long for instances is
still running. Tuning and transform jobs have no limit of their own.
"""

from __future__ import annotations

from stagewright import asl
from stagewright.asl import Catch, Task
from stagewright.stages.base import expressions, result_states, retries
from stagewright.stages.base.expressions import with_

GIVEN_UP = with_("""
    'error': $states.errorOutput.Error = 'States.Timeout'
      ? { 'Error': 'States.Timeout',
          'Cause': 'the job was stopped: it did not end within ' & $string($states.input.stage.timeout)
            & ' seconds' }
      : $states.errorOutput
""")
JOB = asl.expression("$states.input.stage.job")


def late(stopping: str) -> Catch:
    """Return the catch that sends a job that takes too long to the state `stopping`."""
    return Catch(stopping, GIVEN_UP, "States.Timeout")


def run(resource: str, operation: str, output: str, following: str, stopping: str) -> Task:
    """Return the `.sync` task. Every failure goes to the state `stopping`."""
    return Task(
        resource,
        expressions.bound(operation),
        output,
        following,
        retries.JOBS,
        Catch(stopping, GIVEN_UP),
        expressions.TIMEOUT,
    )


def stop(action: str, name: str) -> Task:
    """Return the task that stops the job. SageMaker rejects it if the job has ended; the failure is
    recorded."""
    return Task(
        f"aws-sdk:sagemaker:{action}",
        {name: JOB},
        expressions.INPUT,
        result_states.FAILED,
        retries.FIND,
        Catch(result_states.FAILED, expressions.INPUT),
    )
