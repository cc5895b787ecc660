"""A new version in the model registry; its group is made when it is not there."""

from __future__ import annotations

from stagewright.workflow import jsonata, record, retries
from stagewright.workflow.jsonata import expression, with_
from stagewright.workflow.kinds.kind import Kind
from stagewright.workflow.states import Catch, Choice, Rule, Task, Wait

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

KIND = Kind(
    "register",
    "Find group",
    {
        "Find group": Task(
            "aws-sdk:sagemaker:describeModelPackageGroup",
            {"ModelPackageGroupName": jsonata.bound("CreateModelPackageGroup", "ModelPackageGroupName")},
            jsonata.INPUT,
            "Create package",
            retries.LOOK,
            # Whatever is wrong, the attempt to create it tells: SageMaker has no error of its own for "not
            # there".
            Catch("Create group", jsonata.INPUT),
        ),
        "Create group": Task(
            "aws-sdk:sagemaker:createModelPackageGroup",
            jsonata.bound("CreateModelPackageGroup"),
            jsonata.INPUT,
            "Create package",
            retries.SAGEMAKER,
            Catch("Group there?", jsonata.CAUGHT),
        ),
        # Another chain or run may have made it in between.
        "Group there?": Choice((Rule(jsonata.ALREADY_THERE, "Create package"),), default=record.FAILED),
        "Create package": Task(
            "aws-sdk:sagemaker:createModelPackage",
            jsonata.bound("CreateModelPackage"),
            PACKAGE_MADE,
            "Look at package",
            retries.SAGEMAKER,
            record.CAUGHT,
        ),
        "Look at package": Task(
            "aws-sdk:sagemaker:describeModelPackage",
            {"ModelPackageName": PACKAGE_ARN},
            PACKAGE_SEEN,
            "Package ready?",
            retries.SAGEMAKER,
            record.CAUGHT,
        ),
        "Package ready?": Choice(
            (
                Rule(PACKAGE_READY, record.DONE, RESULT),
                Rule(PACKAGE_FAILED, record.FAILED, PACKAGE_REASON),
                Rule(jsonata.IS_LATE, record.FAILED, PACKAGE_LATE),
            ),
            default="Wait for package",
        ),
        "Wait for package": Wait(jsonata.POLL, "Look at package"),
    },
)
