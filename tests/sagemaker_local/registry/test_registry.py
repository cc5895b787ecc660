from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from tests.support.waiting import until

from sagemaker_local.api.protocol import ApiError

ACCOUNT = "arn:aws:sagemaker:us-east-1:000000000000:"
GROUP = ACCOUNT + "model-package-group/house"
PACKAGE = ACCOUNT + "model-package/house/"


def refused(world: Any, operation: str, code: str = "ValidationException", **request: Any) -> str:
    with pytest.raises(ApiError) as error:
        world.call(operation, **request)
    assert error.value.code == code
    return error.value.message


def specification(uri: str = "s3://models/model.tar.gz", image: str = "own-image") -> dict[str, Any]:
    return {
        "Containers": [{"Image": image, "ModelDataUrl": uri, "Environment": {"FROM": "package"}}],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    }


def register(world: Any, **more: Any) -> dict[str, Any]:
    """A version of the group `house`, when it is Completed."""
    request = {"InferenceSpecification": specification(), "ModelPackageGroupName": "house", **more}
    arn = world.call("CreateModelPackage", **request)["ModelPackageArn"]
    return completed(world, arn)


def completed(world: Any, arn: str) -> dict[str, Any]:
    while (found := world.call("DescribeModelPackage", ModelPackageName=arn))[
        "ModelPackageStatus"
    ] != "Completed":
        assert found["ModelPackageStatus"] in ("Pending", "InProgress")
        time.sleep(0.005)
    return found  # type: ignore[no-any-return]


@pytest.fixture
def registry(world: Any) -> Any:
    world.call(
        "CreateModelPackageGroup",
        ModelPackageGroupName="house",
        ModelPackageGroupDescription="prices",
        Tags=[{"Key": "team", "Value": "ml"}],
    )
    return world


def test_group_is_created_described_listed_and_deleted(registry: Any) -> None:
    for name in ("house", GROUP):
        found = registry.call("DescribeModelPackageGroup", ModelPackageGroupName=name)
        assert (found["ModelPackageGroupArn"], found["ModelPackageGroupStatus"]) == (GROUP, "Completed")
        assert found["ModelPackageGroupDescription"] == "prices"
    assert registry.call("ListTags", ResourceArn=GROUP)["Tags"] == [{"Key": "team", "Value": "ml"}]
    message = refused(registry, "CreateModelPackageGroup", ModelPackageGroupName="house")
    assert message == f"Model Package Group already exists: {GROUP}"
    registry.call("CreateModelPackageGroup", ModelPackageGroupName="other")
    listed = registry.call("ListModelPackageGroups")["ModelPackageGroupSummaryList"]
    assert [each["ModelPackageGroupName"] for each in listed] == ["house", "other"]
    registry.call("DeleteModelPackageGroup", ModelPackageGroupName="house")
    message = refused(registry, "DescribeModelPackageGroup", ModelPackageGroupName="house")
    assert message == f"ModelPackageGroup {GROUP} does not exist."


def test_group_with_packages_cannot_be_deleted(registry: Any) -> None:
    found = register(registry)
    refused(registry, "DeleteModelPackageGroup", "ConflictException", ModelPackageGroupName="house")
    registry.call("DeleteModelPackage", ModelPackageName=found["ModelPackageArn"])
    registry.call("DeleteModelPackageGroup", ModelPackageGroupName=GROUP)


def test_version_numbers_are_never_reused(registry: Any) -> None:
    arns = [register(registry)["ModelPackageArn"] for _ in range(3)]
    assert arns == [PACKAGE + "1", PACKAGE + "2", PACKAGE + "3"]
    registry.call("DeleteModelPackage", ModelPackageName=arns[2])
    message = refused(registry, "DescribeModelPackage", ModelPackageName=arns[2])
    assert message == f"ModelPackage {PACKAGE}3 does not exist."
    registry.restart()
    assert register(registry)["ModelPackageArn"] == PACKAGE + "4"
    assert registry.call("DescribeModelPackage", ModelPackageName="house/2")["ModelPackageVersion"] == 2


def test_package_keeps_its_registered_members(registry: Any) -> None:
    given = {
        "ModelPackageDescription": "first",
        "ModelApprovalStatus": "Approved",
        "CustomerMetadataProperties": {"r2": "0.9"},
        "MetadataProperties": {"GeneratedBy": "house-price-20260101"},
        "ModelMetrics": {
            "ModelQuality": {
                "Statistics": {"ContentType": "application/json", "S3Uri": "s3://b/metrics.json"}
            }
        },
    }
    found = register(registry, **given)
    assert {key: found[key] for key in given} == given
    assert found["InferenceSpecification"] == specification()
    assert found["ModelPackageStatusDetails"] == {"ValidationStatuses": [], "ImageScanStatuses": []}
    assert register(registry)["ModelApprovalStatus"] == "PendingManualApproval"


def test_repeated_client_token_creates_one_version(registry: Any) -> None:
    first = register(registry, ClientToken="once")
    assert register(registry, ClientToken="once")["ModelPackageArn"] == first["ModelPackageArn"]
    assert register(registry, ClientToken="twice")["ModelPackageVersion"] == 2


def test_approval_update_publishes_an_event(registry: Any) -> None:
    arn = register(registry, CustomerMetadataProperties={"a": "1", "b": "2"})["ModelPackageArn"]

    def events() -> list[dict[str, Any]]:
        """The first one follows the state that it tells of."""
        return [detail for kind, detail in registry.events if kind == "SageMaker Model Package State Change"]

    until(events)
    registry.call(
        "UpdateModelPackage",
        ModelPackageArn=arn,
        ModelApprovalStatus="Approved",
        ApprovalDescription="checked",
        CustomerMetadataProperties={"c": "3"},
        CustomerMetadataPropertiesToRemove=["a"],
    )
    found = registry.call("DescribeModelPackage", ModelPackageName=arn)
    assert (found["ModelApprovalStatus"], found["ApprovalDescription"]) == ("Approved", "checked")
    assert found["CustomerMetadataProperties"] == {"b": "2", "c": "3"}
    told = events()
    assert [each["ModelApprovalStatus"] for each in told] == ["PendingManualApproval", "Approved"]
    last = told[-1]
    assert (last["ModelPackageGroupName"], last["ModelPackageVersion"], last["ModelPackageArn"]) == (
        "house",
        1,
        arn,
    )
    assert (last["ModelPackageStatus"], last["LastModifiedTime"][-1]) == ("Completed", "Z")
    assert not [key for key in last if key.startswith("_")]
    json.dumps(last)


def test_packages_are_listed_by_group_status_and_page(registry: Any, boto: Callable[[str], Any]) -> None:
    registry.call("CreateModelPackageGroup", ModelPackageGroupName="other")
    for status in ("Approved", "Rejected", "Approved"):
        register(registry, ModelApprovalStatus=status)
    register(registry, ModelPackageGroupName="other")
    single = registry.call(
        "CreateModelPackage", ModelPackageName="alone", InferenceSpecification=specification()
    )["ModelPackageArn"]
    completed(registry, single)

    def versions(**request: Any) -> list[Any]:
        found = registry.call("ListModelPackages", **request)["ModelPackageSummaryList"]
        return [each.get("ModelPackageVersion", each.get("ModelPackageName")) for each in found]

    assert versions(ModelPackageGroupName="house") == [1, 2, 3]
    assert versions(ModelPackageGroupName=GROUP, SortOrder="Descending") == [3, 2, 1]
    assert versions(ModelPackageGroupName="house", ModelApprovalStatus="Approved") == [1, 3]
    assert versions() == ["alone"]
    assert versions(ModelPackageType="Versioned") == [1, 2, 3, 1]
    assert versions(ModelPackageType="Both") == [1, 2, 3, 1, "alone"]
    pages = (
        boto("sagemaker")
        .get_paginator("list_model_packages")
        .paginate(ModelPackageGroupName="house", PaginationConfig={"PageSize": 1})
    )
    assert [each["ModelPackageVersion"] for page in pages for each in page["ModelPackageSummaryList"]] == [
        1,
        2,
        3,
    ]


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({}, "Missing ARN."),
        ({"ModelPackageGroupName": "house", "ModelPackageName": "x"}, "Both ModelPackageName and"),
        ({"ModelPackageGroupName": "nobody"}, "ModelPackageGroup arn:aws:sagemaker:us-east-1:000000000000:"),
        ({"ModelPackageGroupName": "house", "CertifyForMarketplace": True}, "CertifyForMarketplace=True"),
        ({"ModelPackageGroupName": "house", "ModelApprovalStatus": "Maybe"}, "enum value set"),
        (
            {
                "ModelPackageGroupName": "house",
                "CustomerMetadataProperties": {f"k{n}": "v" for n in range(51)},
            },
            "50",
        ),
    ],
)
def test_invalid_model_packages_are_rejected(registry: Any, request_: dict[str, Any], words: str) -> None:
    assert words in refused(registry, "CreateModelPackage", **request_)
    assert registry.call("ListModelPackages", ModelPackageType="Both")["ModelPackageSummaryList"] == []
    assert register(registry)["ModelPackageVersion"] == 1


def test_only_an_approved_package_becomes_a_model_and_serves(registry: Any) -> None:
    script = """
import json, os
def model_fn(folder): return os.environ["FROM"], os.environ["ALSO"]
def input_fn(body, content_type): return body
def predict_fn(data, model): return model
def output_fn(prediction, accept): return json.dumps(prediction), accept
"""
    uri = registry.put_model("packaged", {"code/inference.py": script})
    found = register(registry, InferenceSpecification=specification(uri))
    arn = found["ModelPackageArn"]
    container = {"ModelPackageName": arn, "Environment": {"ALSO": "model"}}
    message = refused(registry, "CreateModel", ModelName="m", PrimaryContainer=container)
    assert message == f"Model package {arn} is PendingManualApproval; only Approved can be deployed."
    registry.call("UpdateModelPackage", ModelPackageArn=arn, ModelApprovalStatus="Approved")
    registry.call("CreateModel", ModelName="m", PrimaryContainer=container)
    assert registry.call("DescribeModel", ModelName="m")["PrimaryContainer"] == container
    registry.create_config("m", "m")
    registry.call("CreateEndpoint", EndpointName="m", EndpointConfigName="m")
    assert registry.settled("m")["EndpointStatus"] == "InService"
    assert json.loads(registry.service.invoke("m", b"", {}).body) == ["package", "model"]
