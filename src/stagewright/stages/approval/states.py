"""The states of approval stages: the run waits with a task token in the runs table until the token is
returned.

In a standard workflow, every AWS SDK integration can wait for a callback; DynamoDB's optimized integration
cannot ("Integrating services with Step Functions", table of patterns). If the registry already has a
decision about the package, the stage uses it and does not wait.
"""

from __future__ import annotations

from stagewright.asl import Catch, Choice, Rule, State, Task, expression
from stagewright.formats import FORMAT, ITEMS
from stagewright.stages.base import expressions, result_states, retries
from stagewright.stages.base.expressions import bound, with_
from stagewright.stages.base.states import Entry, Permissions

_DEADLINE = "$fromMillis($toMillis($states.input.started) + $states.input.stage.timeout * 1000)"
HAS_PACKAGE = "$exists($states.input.stages[0].requests.DescribeModelPackage)"
SEEN = with_("""
    'package': { 'arn': $states.result.ModelPackageArn, 'status': $states.result.ModelApprovalStatus,
                 'why': $string($states.result.ApprovalDescription) }
""")
_BARRED = "$parse($states.input.stage.requests.Approval).barred"
# Who approved it is checked by the functions, so with people who may not approve the stage waits for them.
IS_APPROVED = expression(f"$states.input.package.status = 'Approved' and $not($exists({_BARRED}))")
IS_REJECTED = expression("$states.input.package.status = 'Rejected'")
BY_REGISTRY = "the model registry"
APPROVED_ALREADY = with_(f"""
    'result': {{ 'approved_by': '{BY_REGISTRY}', 'why': $states.input.package.why, 'at': $now() }}
""")
REJECTED_ALREADY = with_(f"""
    'error': {{ 'Error': 'Stagewright.Rejected',
               'Cause': 'rejected by {BY_REGISTRY}: ' & $states.input.package.why }}
""")
TOKEN = expression("$states.context.Task.Token")
RESULT = with_("""
    'result': { 'approved_by': $states.result.approved_by, 'why': $states.result.why,
                'at': $states.result.at }
""")
UNDECIDED = with_(f"""
    'error': $states.errorOutput.Error = 'States.Timeout'
      ? {{ 'Error': 'States.Timeout', 'Cause': 'no decision was made before ' & {_DEADLINE} }}
      : $states.errorOutput
""")

_VALUES = {
    "status": "WAITING",
    "token": TOKEN,
    "message": bound("Approval", "message"),
    "package": bound("Approval", "package"),
    "started": expression("$states.input.started"),
    "deadline": expression(_DEADLINE),
    "barred": expression(f"$exists({_BARRED}) ? {_BARRED} : ''"),
}
_STATES: dict[str, State] = {
    "Describe package": Task(
        "aws-sdk:sagemaker:describeModelPackage",
        bound("DescribeModelPackage"),
        SEEN,
        "Already decided?",
        retries.SAGEMAKER,
        result_states.CAUGHT,
    ),
    "Already decided?": Choice(
        (
            Rule(IS_APPROVED, result_states.DONE, APPROVED_ALREADY),
            Rule(IS_REJECTED, result_states.FAILED, REJECTED_ALREADY),
        ),
        default="Wait for approval",
    ),
    "Wait for approval": Task(
        "aws-sdk:dynamodb:updateItem.waitForTaskToken",
        {
            "TableName": "${runs_table}",
            "Key": {"run": {"S": expressions.RUN_KEY}, "item": {"S": expressions.STAGE_KEY}},
            "UpdateExpression": "SET " + ", ".join(f"#{name} = :{name}" for name in (*_VALUES, FORMAT)),
            "ExpressionAttributeNames": {f"#{name}": name for name in (*_VALUES, FORMAT)},
            "ExpressionAttributeValues": {
                f":{FORMAT}": {"N": str(ITEMS["stage"])},
                **{f":{name}": {"S": value} for name, value in _VALUES.items()},
            },
        },
        RESULT,
        result_states.DONE,
        retries.TABLE_SDK,
        Catch(result_states.FAILED, UNDECIDED),
        expressions.TIMEOUT,
    ),
}

STATES = (
    Entry("Describe package", _STATES, when=HAS_PACKAGE),
    Entry("Wait for approval", _STATES, when=f"$not({HAS_PACKAGE})"),
)
PERMISSIONS: Permissions = {
    "Register": ("sagemaker:DescribeModelPackage",),
}
