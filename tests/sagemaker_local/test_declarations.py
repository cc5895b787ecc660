"""Declared fields match the behavior of the service and docs/sagemaker.md."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.model import Shape
from tools import sagemaker_reference

from sagemaker_local.api.fields import Fields
from sagemaker_local.api.protocol import ApiError, service_model
from sagemaker_local.service import RESOURCES, SageMaker, declared_fields
from sagemaker_local.settings import Settings

PACKAGE = {"ModelPackageGroupName": "mine"}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[SageMaker]:
    made = SageMaker(Settings(tmp_path / "sagemaker", "http://127.0.0.1:1", "", ""), lambda *_: None)
    made.start()
    yield made
    made.close()


def has(shape: Shape, path: str) -> bool:
    for part in path.split("."):
        name = part.removesuffix("[]")
        if name not in getattr(shape, "members", {}):
            return False
        shape = shape.members[name]
        shape = shape.member if shape.type_name == "list" else shape
    return True


def test_every_declared_field_exists_in_a_request(service):
    for resource in RESOURCES:
        declared = declared_fields(resource)
        own = [
            service_model().operation_model(name).input_shape
            for name, fields in service.operations.items()
            if fields == declared
        ]
        for path in (*declared.rules, *declared.idle):
            assert any(has(shape, path) for shape in own), f"{resource.__name__}: {path}"


def test_every_job_declares_its_idle_fields(service):
    for name in ("CreateProcessingJob", "CreateTrainingJob"):
        assert "ExperimentConfig" in service.operations[name].idle
        assert service.operations[name].rules


def test_declared_fields_are_rejected_or_logged_by_every_resource(service, caplog):
    service.call("CreateModelPackageGroup", {"ModelPackageGroupName": "mine"})
    with pytest.raises(ApiError, match="not supported by the local SageMaker: ManagedStorageType"):
        service.call("CreateModelPackage", {**PACKAGE, "ManagedStorageType": "Restricted"})
    with caplog.at_level(logging.WARNING):
        service.call("CreateModelPackage", {**PACKAGE, "SkipModelValidation": "All"})
    assert "CreateModelPackage: SkipModelValidation has no effect" in caplog.text


def test_unsupported_list_filter_is_rejected(service):
    with pytest.raises(ApiError, match="WarmPoolStatusEquals"):
        service.call("ListTrainingJobs", {"WarmPoolStatusEquals": "InUse"})


def test_page_has_a_row_for_every_operation_of_the_api(service):
    page = sagemaker_reference.sagemaker_reference()
    supported, _, rejected = page.partition("These operations are rejected")
    for name in service_model().operation_names:
        assert (f"| `{name}` |" in supported) == (name in service.operations)
        assert name in service.operations or f"{name}," in rejected or f"{name}." in rejected
    for name in service.operations:
        assert (f"\n## {name}\n" in page) == name.startswith(("Create", "Update"))


def test_members_treated_alike_share_a_row():
    shape = service_model().operation_model("CreateProcessingJob").input_shape
    declared = Fields({"ProcessingInputs[].DatasetDefinition": (), "RoleArn": ("a",)}, ("NetworkConfig",))
    rows = {row.path: row.here for row in sagemaker_reference.rows(shape, "", declared)}
    assert rows["NetworkConfig"] == "no effect"
    assert rows["ProcessingInputs[].S3Input"] == "supported"
    assert rows["ProcessingInputs[].DatasetDefinition"] == "**rejected**"
    assert rows["RoleArn"] == "supported: `a`"
    assert rows["ProcessingResources.ClusterConfig.InstanceType"] == "recorded"
