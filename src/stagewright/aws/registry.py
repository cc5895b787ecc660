"""Model packages in the Amazon SageMaker Model Registry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from stagewright.aws.errors import if_exists, translate_errors

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker.type_defs import DescribeModelPackageOutputTypeDef

DESCRIPTION = 1_024
"""Characters of an ApprovalDescription (SageMaker API reference, UpdateModelPackage)."""


@dataclass(frozen=True)
class Package:
    """One version of a model.

    `status` is Pending, InProgress, Completed, Failed or Deleting. `approval` is Approved, Rejected or
    PendingManualApproval, `why` its description, `changed_by` who changed it last. `modified` and `created`
    are the times of the last change and of the registration, in epoch seconds. `metadata` was registered with
    the package. `model` is the URL of the first container's artifact.
    """

    arn: str
    group: str
    version: int
    status: str
    approval: str
    modified: float = 0.0
    metadata: Mapping[str, str] = field(default_factory=dict)
    why: str = ""
    changed_by: str = ""
    created: float = 0.0
    model: str = ""

    @property
    def approver(self) -> str:
        """Who decided: as the registry recorded it, else as `stagewright approve` described it."""
        return self.changed_by or self.why.partition(": ")[0]


@dataclass(frozen=True)
class Registry:
    """Reads model packages, and changes their approval status."""

    client: SageMakerClient

    def champion(self, group: str) -> Package | None:
        """Return the newest approved version of a group, or None if there is no group or no such version.

        Calls ListModelPackages with ModelApprovalStatus, newest first, and DescribeModelPackage.
        """
        with translate_errors("sagemaker", f"the model package group {group}"):
            answer = if_exists(
                self.client.list_model_packages,
                ModelPackageGroupName=group,
                ModelApprovalStatus="Approved",
                SortBy="CreationTime",
                SortOrder="Descending",
                MaxResults=1,
            )
        approved = answer["ModelPackageSummaryList"] if answer else ()
        return self.package(approved[0]["ModelPackageArn"]) if approved else None

    def package(self, arn: str) -> Package | None:
        """Return a package, or None if there is none. Calls DescribeModelPackage."""
        with translate_errors("sagemaker", f"the model package {arn}"):
            answer = if_exists(self.client.describe_model_package, ModelPackageName=arn)
        if answer is None:
            return None
        return Package(
            answer["ModelPackageArn"],
            answer.get("ModelPackageGroupName", ""),
            answer.get("ModelPackageVersion", 0),
            answer["ModelPackageStatus"],
            answer.get("ModelApprovalStatus", ""),
            _modified(answer),
            answer.get("CustomerMetadataProperties", {}),
            answer.get("ApprovalDescription", ""),
            _user(answer.get("LastModifiedBy", {})),
            answer["CreationTime"].timestamp(),
            _model(answer),
        )

    def approve(self, arn: str, status: Literal["Approved", "Rejected"], why: str) -> None:
        """Set the approval status. Does nothing if it is set already, or if the package is gone.

        Calls UpdateModelPackage.
        """
        package = self.package(arn)
        if package is None or package.approval == status:
            return
        text = " ".join(why.split())[:DESCRIPTION]
        with translate_errors("sagemaker", f"the model package {arn}"):
            self.client.update_model_package(
                ModelPackageArn=arn, ModelApprovalStatus=status, ApprovalDescription=text
            )

    def reopen(self, arn: str, why: str) -> None:
        """Set the approval status back to PendingManualApproval. Calls UpdateModelPackage."""
        with translate_errors("sagemaker", f"the model package {arn}"):
            self.client.update_model_package(
                ModelPackageArn=arn, ModelApprovalStatus="PendingManualApproval",
                ApprovalDescription=why[:DESCRIPTION],
            )  # fmt: skip


def _user(context: Mapping[str, Any]) -> str:
    """Return the IAM ARN or the Studio profile of a UserContext (SageMaker API reference)."""
    return str(context.get("IamIdentity", {}).get("Arn") or context.get("UserProfileName") or "")


def _model(answer: DescribeModelPackageOutputTypeDef) -> str:
    containers = answer.get("InferenceSpecification", {}).get("Containers", [])
    return containers[0].get("ModelDataUrl", "") if containers else ""


def _modified(answer: DescribeModelPackageOutputTypeDef) -> float:
    """A package that was never changed has no LastModifiedTime."""
    return answer.get("LastModifiedTime", answer["CreationTime"]).timestamp()
