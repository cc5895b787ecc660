"""Model packages: versions in a group (`group/3`), or packages with their own name.

A group counts all versions that it ever had, so no version number is used twice.
"""

from __future__ import annotations

import os
import pwd
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from sagemaker_local.api.fields import Rules
from sagemaker_local.api.listing import Listing
from sagemaker_local.api.protocol import invalid
from sagemaker_local.arns import arn, key_of
from sagemaker_local.events import announce, public
from sagemaker_local.registry import model_package_groups as groups
from sagemaker_local.resource import Context, Operation, Resource, now
from sagemaker_local.store import Record

KIND = "model-package"
EVENT = "SageMaker Model Package State Change"
LISTING = Listing(
    result="ModelPackageSummaryList",
    name="_name",
    status="ModelPackageStatus",
    orders={"Name": "_name", "CreationTime": "CreationTime"},
)
RULES: Rules = {
    "SourceAlgorithmSpecification": (),
    "ValidationSpecification": (),
    "CertifyForMarketplace": (False,),
    "ManagedStorageType": (),
    "IncludedData": ("AllData",),
}
IDLE_FIELDS = ("SkipModelValidation", "SecurityConfig")
"""Packages are neither validated nor encrypted here."""
METADATA = "CustomerMetadataProperties"
METADATA_LIMIT = 50
"""The maximum number of CustomerMetadataProperties (API reference, CustomerMetadataMap)."""
SPECIFICATIONS = "AdditionalInferenceSpecifications"
REPLACED = (
    "ModelApprovalStatus",
    "ApprovalDescription",
    "InferenceSpecification",
    "SourceUri",
    "ModelCard",
    "ModelLifeCycle",
    "ModelPackageRegistrationType",
)
"""The members that UpdateModelPackage replaces."""


def find(context: Context, arn_or_name: str) -> Record:
    """The record of a model package. ValidationException if it does not exist."""
    key = key_of(arn_or_name)
    record = context.store.get(KIND, key)
    if record is None:
        raise invalid(f"ModelPackage {arn(context.settings, KIND, key)} does not exist.")
    return record


class ModelPackages(Resource):
    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._later = ThreadPoolExecutor(1, "model-packages")

    def operations(self) -> dict[str, Operation]:
        return {
            "CreateModelPackage": self._create,
            "DescribeModelPackage": self._describe,
            "ListModelPackages": self._list,
            "UpdateModelPackage": self._update,
            "DeleteModelPackage": self._delete,
        }

    def start(self) -> None:
        for record in self.context.store.all(KIND):
            if record["ModelPackageStatus"] in ("Pending", "InProgress"):
                self._later.submit(self._finish, record["_key"])

    def close(self) -> None:
        self._later.shutdown(wait=True)

    def _create(self, request: dict[str, Any]) -> dict[str, Any]:
        _check_name(request)
        _check_metadata(request.get(METADATA, {}))
        with self.context.store.transaction():
            made = self._made_before(request)
            record = made or (
                self._version(request) if "ModelPackageGroupName" in request else self._single(request)
            )
            self.context.store.put(KIND, record["_key"], record)
        if made is None:
            if request.get("Tags"):
                self.context.tags.add(record["ModelPackageArn"], request["Tags"])
            self._later.submit(self._finish, record["_key"])
        return {"ModelPackageArn": record["ModelPackageArn"]}

    def _made_before(self, request: dict[str, Any]) -> Record | None:
        """The package of an earlier attempt of this request. boto3 sends the same ClientToken when it
        retries."""
        token = request.get("ClientToken")
        packages = self.context.store.all(KIND) if token else []
        return next((record for record in packages if record.get("_token") == token), None)

    def _version(self, request: dict[str, Any]) -> Record:
        group = groups.find(self.context, request["ModelPackageGroupName"])
        name = group["ModelPackageGroupName"]
        group["_versions"] += 1
        self.context.store.put(groups.KIND, key_of(name), group)
        return self._record(request, f"{name}/{group['_versions']}", name) | {
            "ModelPackageGroupName": name,
            "ModelPackageVersion": group["_versions"],
            "ModelApprovalStatus": request.get("ModelApprovalStatus", "PendingManualApproval"),
        }

    def _single(self, request: dict[str, Any]) -> Record:
        name = request["ModelPackageName"]
        if self.context.store.get(KIND, key_of(name)):
            raise invalid(f"ModelPackage already exists: {arn(self.context.settings, KIND, name)}")
        if "ModelApprovalStatus" in request:
            raise invalid("ModelApprovalStatus does not apply to a model package without a group")
        return self._record(request, name, name)

    def _record(self, request: dict[str, Any], path: str, name: str) -> Record:
        kept = {key: value for key, value in request.items() if key not in ("Tags", "ClientToken")}
        created = now()
        return {
            **kept,
            "ModelPackageArn": arn(self.context.settings, KIND, path),
            "CreationTime": created,
            "LastModifiedTime": created,
            "ModelPackageStatus": "Pending",
            "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
            "CertifyForMarketplace": False,
            "_key": key_of(path),
            "_name": name,
            "_token": request.get("ClientToken"),
        }

    def _finish(self, key: str) -> None:
        for status in ("InProgress", "Completed"):
            with self.context.store.transaction():
                record = self.context.store.get(KIND, key)
                if record is None:
                    return
                record["ModelPackageStatus"] = status
                self.context.store.put(KIND, key, record)
            if status == "Completed":
                self._publish(record)

    def _describe(self, request: dict[str, Any]) -> dict[str, Any]:
        return find(self.context, request["ModelPackageName"])

    def _list(self, request: dict[str, Any]) -> dict[str, Any]:
        records = [record for record in self.context.store.all(KIND) if self._listed(record, request)]
        return LISTING.page(records, {"SortOrder": "Ascending", **request})

    def _listed(self, record: Record, request: dict[str, Any]) -> bool:
        """Whether a listing includes the package. The default is packages without a group (API reference)."""
        group, status = request.get("ModelPackageGroupName"), request.get("ModelApprovalStatus")
        versioned = "ModelPackageVersion" in record
        kind = request.get("ModelPackageType", "Versioned" if group else "Unversioned")
        return (
            kind in ("Both", "Versioned" if versioned else "Unversioned")
            and (group is None or key_of(record.get("ModelPackageGroupName", "")) == key_of(group))
            and (status is None or record.get("ModelApprovalStatus") == status)
        )

    def _update(self, request: dict[str, Any]) -> dict[str, Any]:
        with self.context.store.transaction():
            record = _updated(find(self.context, request["ModelPackageArn"]), request)
            record["LastModifiedBy"] = {"IamIdentity": {"Arn": self._user}}
            self.context.store.put(KIND, record["_key"], record)
        self._publish(record)
        return {"ModelPackageArn": record["ModelPackageArn"]}

    @property
    def _user(self) -> str:
        """The operating system's user, who alone reaches this service, as an IAM user."""
        account = self.context.settings.account
        return f"arn:aws:iam::{account}:user/{pwd.getpwuid(os.getuid()).pw_name}"

    def _delete(self, request: dict[str, Any]) -> dict[str, Any]:
        record = find(self.context, request["ModelPackageName"])
        self.context.store.delete(KIND, record["_key"])
        self.context.tags.delete(record["ModelPackageArn"])
        self._publish({**record, "ModelPackageStatus": "Deleting", "LastModifiedTime": now()})
        return {}

    def _publish(self, record: Record) -> None:
        announce(self.context, EVENT, event_of(record))


def event_of(record: Record) -> dict[str, Any]:
    """The event's detail. Unlike job events, it has ISO times (developer guide, Model package state
    change)."""
    detail = public(record)
    for member in ("CreationTime", "LastModifiedTime"):
        detail[member] = datetime.fromtimestamp(record[member], UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return detail


def _check_name(request: dict[str, Any]) -> None:
    both = "Both ModelPackageName and ModelPackageGroupName are provided in the input."
    match "ModelPackageName" in request, "ModelPackageGroupName" in request:
        case True, True:
            raise invalid(f"{both} Cannot determine which one to use.")
        case False, False:
            raise invalid("Missing ARN.")


def _check_metadata(properties: dict[str, str]) -> None:
    if len(properties) > METADATA_LIMIT:
        raise invalid(f"{METADATA} has {len(properties)} entries; at most {METADATA_LIMIT} are allowed")


def _updated(record: Record, request: dict[str, Any]) -> Record:
    """The updated record of UpdateModelPackage. Metadata is merged; specifications are added."""
    if "ModelApprovalStatus" in request and "ModelPackageVersion" not in record:
        raise invalid("ModelApprovalStatus does not apply to a model package without a group")
    changed = {member: request[member] for member in REPLACED if member in request}
    metadata = _merged_metadata(record, request)
    if metadata or METADATA in record:
        changed[METADATA] = metadata
    if added := request.get(f"{SPECIFICATIONS}ToAdd"):
        changed[SPECIFICATIONS] = [*record.get(SPECIFICATIONS, []), *added]
    return {**record, **changed, "LastModifiedTime": now()}


def _merged_metadata(record: Record, request: dict[str, Any]) -> dict[str, str]:
    merged = {**record.get(METADATA, {}), **request.get(METADATA, {})}
    for key in request.get(f"{METADATA}ToRemove", []):
        merged.pop(key, None)
    _check_metadata(merged)
    return merged
