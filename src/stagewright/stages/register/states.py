"""The states of register stages: the model version, and its group if it does not exist."""

from __future__ import annotations

from stagewright.asl import Catch, Choice, Rule, State, Task, Wait, expression
from stagewright.stages.base import expressions, result_states, retries
from stagewright.stages.base.expressions import with_
from stagewright.stages.base.states import Entry, Permissions

PACKAGE_MADE = with_("'package': { 'arn': $states.result.ModelPackageArn }")
PACKAGE_ARN = expression("$states.input.package.arn")
PACKAGE_SEEN = with_("""
    'package': { 'arn': $states.result.ModelPackageArn, 'status': $states.result.ModelPackageStatus,
                 'reason': $join(
                   $states.result.ModelPackageStatusDetails.ValidationStatuses.FailureReason, '; ') }
""")
PACKAGE_READY = expression("$states.input.package.status = 'Completed'")
PACKAGE_FAILED = expression("$states.input.package.status in ['Failed', 'Deleting']")
RESULT = with_("'result': { 'arn': $states.input.package.arn, 'package': $states.input.package.arn }")
PACKAGE_REASON = with_("""
    'error': { 'Error': 'Stagewright.ModelPackageFailed',
               'Cause': 'model package ' & $states.input.package.arn & ' is '
                 & $states.input.package.status & ': ' & $states.input.package.reason }
""")
PACKAGE_LATE = with_("""
    'error': { 'Error': 'Stagewright.TooLate',
               'Cause': 'model package ' & $states.input.package.arn & ' is still '
                 & $states.input.package.status
                 & ' after ' & $string($states.input.stage.timeout) & ' seconds' }
""")

_STATES: dict[str, State] = {
    "Find group": Task(
        "aws-sdk:sagemaker:describeModelPackageGroup",
        {"ModelPackageGroupName": expressions.bound("CreateModelPackageGroup", "ModelPackageGroupName")},
        expressions.INPUT,
        "Create package",
        retries.FIND,
        # Creating the group shows any other error: SageMaker has no error of its own for "not found".
        Catch("Create group", expressions.INPUT),
    ),
    "Create group": Task(
        "aws-sdk:sagemaker:createModelPackageGroup",
        expressions.bound("CreateModelPackageGroup"),
        expressions.INPUT,
        "Create package",
        retries.SAGEMAKER,
        Catch("Group there?", expressions.CAUGHT),
    ),
    # Another chain or run may have created it in the meantime.
    "Group there?": Choice(
        (Rule(expressions.ALREADY_THERE, "Create package"),), default=result_states.FAILED
    ),
    "Create package": Task(
        "aws-sdk:sagemaker:createModelPackage",
        expressions.bound("CreateModelPackage"),
        PACKAGE_MADE,
        "Describe registered package",
        retries.SAGEMAKER,
        result_states.CAUGHT,
    ),
    "Describe registered package": Task(
        "aws-sdk:sagemaker:describeModelPackage",
        {"ModelPackageName": PACKAGE_ARN},
        PACKAGE_SEEN,
        "Package ready?",
        retries.SAGEMAKER,
        result_states.CAUGHT,
    ),
    "Package ready?": Choice(
        (
            Rule(PACKAGE_READY, result_states.DONE, RESULT),
            Rule(PACKAGE_FAILED, result_states.FAILED, PACKAGE_REASON),
            Rule(expressions.IS_LATE, result_states.FAILED, PACKAGE_LATE),
        ),
        default="Wait for package",
    ),
    "Wait for package": Wait(expressions.POLL, "Describe registered package"),
}
STATES = (Entry("Find group", _STATES),)
PERMISSIONS: Permissions = {
    "Create": ("sagemaker:CreateModelPackageGroup",),
    "Register": (
        "sagemaker:DescribeModelPackageGroup",
        "sagemaker:CreateModelPackage",
        "sagemaker:DescribeModelPackage",
    ),
}
