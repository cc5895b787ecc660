"""A new version in the model registry; its group is made when it is not there."""

from __future__ import annotations

from stagewright.workflow import jsonata, record, retries
from stagewright.workflow.kinds.kind import Kind
from stagewright.workflow.states import Catch, Choice, Rule, Task, Wait

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
            jsonata.PACKAGE_MADE,
            "Look at package",
            retries.SAGEMAKER,
            record.CAUGHT,
        ),
        "Look at package": Task(
            "aws-sdk:sagemaker:describeModelPackage",
            {"ModelPackageName": jsonata.PACKAGE_ARN},
            jsonata.PACKAGE_SEEN,
            "Package ready?",
            retries.SAGEMAKER,
            record.CAUGHT,
        ),
        "Package ready?": Choice(
            (
                Rule(jsonata.PACKAGE_READY, record.DONE, jsonata.RESULT_OF_REGISTER),
                Rule(jsonata.PACKAGE_FAILED, record.FAILED, jsonata.PACKAGE_REASON),
                Rule(jsonata.IS_LATE, record.FAILED, jsonata.PACKAGE_LATE),
            ),
            default="Wait for package",
        ),
        "Wait for package": Wait(jsonata.POLL, "Look at package"),
    },
)
