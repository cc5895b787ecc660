"""Model packages in SageMaker's registry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError

from stagewright.aws.errors import is_missing, translated

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker.type_defs import DescribeModelPackageOutputTypeDef

DESCRIPTION = 1_024
"""Characters of ApprovalDescription (botocore's model of UpdateModelPackage)."""


@dataclass(frozen=True)
class Package:
    """One version of a model. `status`: Pending, InProgress, Completed, Failed, Deleting. `approval`:
    Approved, Rejected, PendingManualApproval; `why` is its description, `changed_by` who SageMaker says
    changed it. `modified`: when anything of it changed last, epoch seconds; `metadata`: what was registered
    with it.
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


@dataclass(frozen=True)
class Registry:
    client: SageMakerClient

    def champion(self, group: str) -> Package | None:
        """The newest approved version of a group; None where there is none, or no such group.

        ListModelPackages names approved versions only where ModelApprovalStatus says so, and sorts by time.
        """
        with translated("sagemaker", f"the model package group {group}"):
            try:
                answer = self.client.list_model_packages(
                    ModelPackageGroupName=group,
                    ModelApprovalStatus="Approved",
                    SortBy="CreationTime",
                    SortOrder="Descending",
                    MaxResults=1,
                )
            except ClientError as error:
                if not is_missing(error):
                    raise
                return None
        found = answer["ModelPackageSummaryList"]
        return self.package(found[0]["ModelPackageArn"]) if found else None

    def package(self, arn: str) -> Package | None:
        """None where there is no such package."""
        with translated("sagemaker", f"the model package {arn}"):
            try:
                answer = self.client.describe_model_package(ModelPackageName=arn)
            except ClientError as error:
                if not is_missing(error):
                    raise
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
            _name(answer.get("LastModifiedBy", {})),
        )

    def approve(self, arn: str, status: Literal["Approved", "Rejected"], why: str) -> None:
        """Sets the status; nothing where it is that already, or there is no such package any more."""
        package = self.package(arn)
        if package is None or package.approval == status:
            return
        text = " ".join(why.split())[:DESCRIPTION]
        with translated("sagemaker", f"the model package {arn}"):
            self.client.update_model_package(
                ModelPackageArn=arn, ModelApprovalStatus=status, ApprovalDescription=text
            )


def _name(context: Mapping[str, Any]) -> str:
    """Of a UserContext (API reference): an identity of IAM, or a profile of Studio."""
    return str(context.get("IamIdentity", {}).get("Arn") or context.get("UserProfileName") or "")


def _modified(answer: DescribeModelPackageOutputTypeDef) -> float:
    """A package that nobody has changed has no LastModifiedTime."""
    return answer.get("LastModifiedTime", answer["CreationTime"]).timestamp()
