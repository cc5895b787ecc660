"""Model package groups, which hold the versions of a model."""

from __future__ import annotations

from typing import Any

from sagemaker_local.api.fields import Rules
from sagemaker_local.api.listing import Listing
from sagemaker_local.api.protocol import ApiError, invalid
from sagemaker_local.arns import arn, key_of
from sagemaker_local.resource import Context, Operation, Resource, now
from sagemaker_local.store import Record

KIND = "model-package-group"
LISTING = Listing(
    result="ModelPackageGroupSummaryList",
    name="ModelPackageGroupName",
    status="ModelPackageGroupStatus",
    orders={"Name": "ModelPackageGroupName", "CreationTime": "CreationTime"},
)
RULES: Rules = {"ManagedConfiguration": (), "CrossAccountFilterOption": ("SameAccount",)}


def find(context: Context, arn_or_name: str) -> Record:
    """The record of a group. ValidationException if it does not exist."""
    key = key_of(arn_or_name)
    record = context.store.get(KIND, key)
    if record is None:
        raise invalid(f"ModelPackageGroup {arn(context.settings, KIND, key)} does not exist.")
    return record


class ModelPackageGroups(Resource):
    def operations(self) -> dict[str, Operation]:
        return {
            "CreateModelPackageGroup": self._create,
            "DescribeModelPackageGroup": self._describe,
            "ListModelPackageGroups": self._list,
            "DeleteModelPackageGroup": self._delete,
        }

    def _create(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request["ModelPackageGroupName"]
        record = {
            **{key: value for key, value in request.items() if key != "Tags"},
            "ModelPackageGroupArn": arn(self.context.settings, KIND, name),
            "CreationTime": now(),
            "ModelPackageGroupStatus": "Completed",
            "_versions": 0,
        }
        if not self.context.store.add(KIND, key_of(name), record):
            raise invalid(f"Model Package Group already exists: {record['ModelPackageGroupArn']}")
        if request.get("Tags"):
            self.context.tags.add(record["ModelPackageGroupArn"], request["Tags"])
        return record

    def _describe(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"CreatedBy": {}, **find(self.context, request["ModelPackageGroupName"])}

    def _list(self, request: dict[str, Any]) -> dict[str, Any]:
        return LISTING.page(self.context.store.all(KIND), {"SortOrder": "Ascending", **request})

    def _delete(self, request: dict[str, Any]) -> dict[str, Any]:
        with self.context.store.transaction():
            record = find(self.context, request["ModelPackageGroupName"])
            name = record["ModelPackageGroupName"]
            packages = self.context.store.all("model-package")
            if any(package.get("ModelPackageGroupName") == name for package in packages):
                group_arn = record["ModelPackageGroupArn"]
                raise ApiError(
                    "ConflictException", f"Model Package Group cannot be deleted: {group_arn} has models"
                )
            self.context.store.delete(KIND, key_of(name))
        self.context.tags.delete(record["ModelPackageGroupArn"])
        return {}
