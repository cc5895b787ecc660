"""The steps about the model registry. What AWS accepts here is removed with the smoke pipelines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tools.aws_facts.runs import GROUP, MISSING
from tools.aws_facts.step import (
    NotTriedError,
    Step,
    Target,
    accepted,
    answered,
    has,
    rejected,
)


def package(target: Target) -> dict[str, Any]:
    """Describe the newest version of the smoke pipeline's group."""
    sagemaker = target.client("sagemaker")
    listed = sagemaker.list_model_packages(ModelPackageGroupName=GROUP)["ModelPackageSummaryList"]
    if not listed:
        raise NotTriedError("the runs left no model version")
    return dict(sagemaker.describe_model_package(ModelPackageName=listed[0]["ModelPackageArn"]))


def set_back(target: Target) -> dict[str, Any]:
    """Set the approved version back, and read its status."""
    sagemaker, arn = target.client("sagemaker"), package(target)["ModelPackageArn"]
    pending = {"ModelPackageArn": arn, "ModelApprovalStatus": "PendingManualApproval"}
    answer = answered(target, sagemaker.update_model_package, **pending)
    status = sagemaker.describe_model_package(ModelPackageName=arn)["ModelApprovalStatus"]
    return answer | {"status": status}


def is_pending(answer: Any) -> Iterator[str]:
    yield from accepted(answer)
    if answer["status"] != "PendingManualApproval":
        yield f"the status is {answer['status']}"


def decider(target: Target) -> dict[str, Any]:
    """Read who set the status of a version. The caller has just set it back."""
    described = package(target)
    if described["ModelApprovalStatus"] != "PendingManualApproval":
        raise NotTriedError("the version was not set back")
    return {"by": described.get("LastModifiedBy") or {}}


def model_of_pending(target: Target) -> dict[str, Any]:
    """Create a model of a version that is not approved."""
    described = package(target)
    if described["ModelApprovalStatus"] == "Approved":
        raise NotTriedError("the version was not set back")
    request = {
        "ModelName": f"{GROUP}-pending",
        "ExecutionRoleArn": f"arn:{target.gateway.installation.partition}:iam::"
        f"{target.gateway.installation.account}:role/{target.gateway.installation.name('sagemaker')}",
        "PrimaryContainer": {"ModelPackageName": described["ModelPackageArn"]},
    }
    return answered(target, target.client("sagemaker").create_model, **request)


def version_without_data(target: Target) -> dict[str, Any]:
    return new_version(target, data=f"s3://{target.gateway.installation.bucket}/{MISSING}.tar.gz")


def version_with_tags(target: Target) -> dict[str, Any]:
    return new_version(target, tags=[{"Key": "smoke", "Value": "yes"}])


def new_version(target: Target, data: str = "", tags: Any = ()) -> dict[str, Any]:
    """Create a version in the smoke pipeline's group, like the newest one."""
    inference = package(target)["InferenceSpecification"]
    container = inference["Containers"][0]
    small = {"Image": container["Image"], "ModelDataUrl": data or container["ModelDataUrl"]}
    specification = {
        "Containers": [small],
        "SupportedContentTypes": inference["SupportedContentTypes"],
        "SupportedResponseMIMETypes": inference["SupportedResponseMIMETypes"],
    }
    request = {"ModelPackageGroupName": GROUP, "InferenceSpecification": specification}
    create = target.client("sagemaker").create_model_package
    return answered(target, create, **request, **({"Tags": tags} if tags else {}))


def models_of_versions(target: Target) -> list[str]:
    """Return the model versions that the models of the smoke pipelines name."""
    sagemaker = target.client("sagemaker")
    names = [item["ModelName"] for item in sagemaker.list_models(NameContains=GROUP)["Models"]]
    models = [sagemaker.describe_model(ModelName=name) for name in names]
    containers = [
        part for model in models for part in (model.get("PrimaryContainer"), *model.get("Containers", ()))
    ]
    return [part["ModelPackageName"] for part in containers if part and part.get("ModelPackageName")]


def some(answer: Any) -> Iterator[str]:
    if not answer:
        yield "there is none"


STEPS = (
    Step("F56", "CreateModelPackage does not check the data", version_without_data, accepted),
    Step("F58", "DescribeModel names the model version", models_of_versions, some),
    Step(
        "F59",
        "CreateModelPackage rejects tags in a group",
        version_with_tags,
        rejected("ValidationException"),
    ),
    Step("F103", "an approved version can be set back", set_back, is_pending),
    Step("F104", "LastModifiedBy names who set the status", decider, has("by")),
    Step(
        "F44",
        "CreateModel rejects a version that is not approved",
        model_of_pending,
        rejected("ValidationException"),
    ),
)
"""The order counts: the last three use the version that F103 sets back."""
