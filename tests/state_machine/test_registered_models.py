"""What was registered, and so approved, is what is served: copied, pinned by its version, and compared."""

from __future__ import annotations

import itertools

import pytest

NUMBERS = itertools.count()
VERSION = "stagewright:model-version"


@pytest.fixture
def group():
    return f"prices-{next(NUMBERS)}"


@pytest.fixture
def put(engine):
    """`put(key, body)` writes the artifact of a training job. Returns its URI."""

    def written(key, body=b"a model"):
        engine.s3.put_object(Bucket="bucket", Key=key, Body=body)
        return f"s3://bucket/{key}"

    return written


def register(stage, group, uri, *containers):
    first = {"Image": "i", "ModelDataUrl": uri} if isinstance(uri, str) else uri
    requests = {
        "CreateModelPackageGroup": {"ModelPackageGroupName": group},
        "CreateModelPackage": {
            "ModelPackageGroupName": group,
            "InferenceSpecification": {"Containers": [first, *containers], "SupportedContentTypes": ["a"]},
            "CustomerMetadataProperties": {"stagewright:run": "r"},
        },
        "Copy": {"Bucket": "bucket", "Key": f"models/prices/{group}/model.tar.gz"},
    }
    return stage("register", "register", requests)


def serve(stage, kind, group, name=""):
    name = name or f"{kind}-{group}"
    container = {"ModelPackageName": f"arn:{group}/1", "Environment": {"A": '"ModelPackageName"'}}
    requests = {"CreateModel": {"ModelName": name, "PrimaryContainer": container}}
    if kind == "transform":
        requests["CreateTransformJob"] = {"TransformJobName": name, "ModelName": name}
    if kind == "endpoint":
        names = {"EndpointName": name, "EndpointConfigName": name}
        requests |= {"CreateEndpointConfig": {"EndpointConfigName": name}, "CreateEndpoint": names}
        requests |= {"UpdateEndpoint": names, "Endpoint": {"keep": 2, "alarms": []}}
    return stage(kind, kind, requests, job=name)


KINDS = pytest.mark.parametrize("kind", ["model", "transform", "endpoint"])


def test_model_is_copied_and_its_version_recorded(engine, stage, put, group):
    uri = put(f"runs/prices/{group}/odd name+é?/model.tar.gz", b"registered")
    walked = engine.walk([[[register(stage, group, uri)]]])
    assert walked.status == "SUCCEEDED", walked.cause
    (package,) = walked.requests("createModelPackage")
    key = f"models/prices/{group}/model.tar.gz"
    copy = engine.s3.get_object(Bucket="bucket", Key=key)
    assert copy["Body"].read() == b"registered"
    specification = package["InferenceSpecification"]
    assert specification == {
        "Containers": [{"Image": "i", "ModelDataUrl": f"s3://bucket/{key}"}],
        "SupportedContentTypes": ["a"],
    }
    assert package["CustomerMetadataProperties"] == {"stagewright:run": "r", VERSION: copy["VersionId"]}


def test_missing_model_is_not_registered(engine, stage, group):
    walked = engine.walk([[[register(stage, group, "s3://bucket/nothing.tar.gz")]]])
    assert walked.status == "FAILED"
    assert walked.requests("createModelPackage") == []


@KINDS
def test_registered_model_is_served(engine, stage, put, group, kind):
    uri = put(f"runs/{group}/model.tar.gz")
    walked = engine.walk([[[register(stage, group, uri), serve(stage, kind, group)]]])
    assert walked.status == "SUCCEEDED", walked.cause
    assert len(walked.requests("createModel")) == 1


@KINDS
def test_job_that_overwrites_the_artifact_changes_nothing(engine, stage, put, group, kind):
    uri = put(f"runs/{group}/model.tar.gz", b"registered")
    engine.walk([[[register(stage, group, uri)]]])
    put(f"runs/{group}/model.tar.gz", b"evil")
    walked = engine.walk([[[serve(stage, kind, group)]]])
    assert walked.status == "SUCCEEDED", walked.cause
    copy = engine.s3.get_object(Bucket="bucket", Key=f"models/prices/{group}/model.tar.gz")
    assert copy["Body"].read() == b"registered"


@KINDS
@pytest.mark.parametrize("body", [b"evil", b"a model"])
def test_overwritten_copy_is_not_served(engine, stage, put, group, kind, body):
    uri = put(f"runs/{group}/model.tar.gz")
    engine.walk([[[register(stage, group, uri)]]])
    put(f"models/prices/{group}/model.tar.gz", body)
    walked = engine.walk([[[serve(stage, kind, group)]]])
    assert walked.status == "FAILED"
    assert f"was overwritten after arn:{group}/1 was registered" in walked.cause
    assert walked.requests("createModel") == []


@KINDS
def test_deleted_copy_is_not_served(engine, stage, put, group, kind):
    uri = put(f"runs/{group}/model.tar.gz")
    engine.walk([[[register(stage, group, uri)]]])
    engine.s3.delete_object(Bucket="bucket", Key=f"models/prices/{group}/model.tar.gz")
    walked = engine.walk([[[serve(stage, kind, group)]]])
    assert walked.status == "FAILED"
    assert walked.requests("createModel") == []


@KINDS
def test_large_model_stays_and_is_compared(engine, stage, put, group, kind):
    uri = put(f"runs/{group}/large.tar.gz")
    walked = engine.walk([[[register(stage, group, uri), serve(stage, kind, group)]]])
    assert walked.status == "SUCCEEDED", walked.cause
    (package,) = walked.requests("createModelPackage")
    assert package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"] == uri
    put(f"runs/{group}/large.tar.gz", b"evil")
    walked = engine.walk([[[serve(stage, kind, group, f"{kind}-{group}-again")]]])
    assert "was overwritten after" in walked.cause


@KINDS
def test_package_without_a_recorded_version_is_served(engine, stage, group, kind):
    data = {"ModelDataSource": {"S3DataSource": {"S3Uri": "s3://bucket/folder/"}}}
    walked = engine.walk([[[register(stage, group, data), serve(stage, kind, group)]]])
    assert walked.status == "SUCCEEDED", walked.cause
    (package,) = walked.requests("createModelPackage")
    assert package["InferenceSpecification"]["Containers"] == [data]
    assert VERSION not in package["CustomerMetadataProperties"]


def test_only_the_first_container_is_pinned(engine, stage, put, group):
    uri = put(f"runs/{group}/model.tar.gz")
    second, third = ({"Image": name, "ModelDataUrl": f"s3://bucket/{name}"} for name in ("x", "y"))
    walked = engine.walk([[[register(stage, group, uri, second, third)]]])
    containers = walked.requests("createModelPackage")[0]["InferenceSpecification"]["Containers"]
    assert containers[1:] == [second, third]


def test_lock_of_an_endpoint_is_released_if_its_model_was_overwritten(engine, stage, put, group):
    uri = put(f"runs/{group}/model.tar.gz")
    engine.walk([[[register(stage, group, uri)]]])
    put(f"models/prices/{group}/model.tar.gz", b"evil")
    engine.walk([[[serve(stage, "endpoint", group)]]])
    engine.walk([[[register(stage, group, uri)]]])
    walked = engine.walk([[[serve(stage, "endpoint", group)]]])
    assert walked.status == "SUCCEEDED", walked.cause
