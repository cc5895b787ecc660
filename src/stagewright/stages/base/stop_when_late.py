"""Jobs without a time limit of their own: the machine stops what it no longer waits for.

Step Functions tries to stop a `.sync` job when its execution is stopped or its Map iteration fails (Developer
Guide, "Run a Job (.sync)"); that it does so when the task times out is not said there.
"""

from __future__ import annotations

from stagewright import asl
from stagewright.asl import Catch, Task
from stagewright.stages.base import expressions, result_states, retries
from stagewright.stages.base.expressions import with_

GIVEN_UP = with_("""
    'error': $states.errorOutput.Error = 'States.Timeout'
      ? { 'Error': 'States.Timeout',
          'Cause': 'the job was stopped: it had not ended after ' & $string($states.input.stage.timeout)
            & ' seconds' }
      : $states.errorOutput
""")
JOB = asl.expression("$states.input.stage.job")


def run(resource: str, operation: str, output: str, following: str, stopping: str) -> Task:
    """The `.sync` task; a failure of whatever kind goes on to the state `stopping`."""
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
    """Of a job that has ended, or never began, SageMaker refuses it; either way the failure is recorded."""
    return Task(
        f"aws-sdk:sagemaker:{action}",
        {name: JOB},
        expressions.INPUT,
        result_states.FAILED,
        retries.LOOK,
        Catch(result_states.FAILED, expressions.INPUT),
    )
