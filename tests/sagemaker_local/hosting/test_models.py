from __future__ import annotations

from typing import Any

import pytest

from sagemaker_local.api.protocol import ApiError

ACCOUNT = "arn:aws:sagemaker:us-east-1:000000000000:"
CONTAINER = {"Image": "own-image"}
VARIANT = {"VariantName": "v", "ModelName": "house", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}


def refused(world: Any, operation: str, **request: Any) -> str:
    with pytest.raises(ApiError) as error:
        world.call(operation, **request)
    assert error.value.code == "ValidationException"
    return error.value.message


def test_model_is_created_described_listed_and_deleted(world: Any) -> None:
    uri = world.put_model("house", {"weights": "1"})
    container = {**CONTAINER, "ModelDataUrl": uri, "Environment": {"A": "b"}, "Mode": "SingleModel"}
    tags = [{"Key": "team", "Value": "ml"}]
    arn = world.call("CreateModel", ModelName="House", Containers=[container], Tags=tags)["ModelArn"]
    assert arn == ACCOUNT + "model/house"
    found = world.call("DescribeModel", ModelName="House")
    assert (found["Containers"], found["EnableNetworkIsolation"]) == ([container], False)
    assert world.call("ListTags", ResourceArn=arn)["Tags"] == tags
    assert [each["ModelName"] for each in world.call("ListModels", NameContains="Hou")["Models"]] == ["House"]
    assert refused(world, "CreateModel", ModelName="House", PrimaryContainer=CONTAINER) == (
        f'Cannot create already existing model "{arn}".'
    )
    world.call("DeleteModel", ModelName="House")
    for operation in ("DescribeModel", "DeleteModel"):
        assert refused(world, operation, ModelName="House") == f'Could not find model "{arn}".'
    assert world.call("ListTags", ResourceArn=arn)["Tags"] == []
    world.told("Model", "ModelName", "House", "House")


def test_model_data_must_be_there(world: Any) -> None:
    container = {**CONTAINER, "ModelDataUrl": "s3://models/nothing/here.tar.gz"}
    message = refused(
        world,
        "CreateModel",
        ModelName="m",
        PrimaryContainer=container,
        ExecutionRoleArn="arn:aws:iam::000000000000:role/r",
    )
    assert message.startswith(
        "Could not access model data at s3://models/nothing/here.tar.gz. Please ensure that"
    )
    assert 'the role "arn:aws:iam::000000000000:role/r" exists' in message


def test_model_data_may_be_given_as_a_source(world: Any) -> None:
    uri = world.put_model("house", {"weights": "1"})
    source = {"S3DataSource": {"S3Uri": uri, "S3DataType": "S3Object", "CompressionType": "Gzip"}}
    world.call("CreateModel", ModelName="m", PrimaryContainer={**CONTAINER, "ModelDataSource": source})
    world.create_config("m", "m")


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({}, "Specify PrimaryContainer or Containers."),
        ({"PrimaryContainer": CONTAINER, "Containers": [CONTAINER]}, "not both"),
        (
            {"Containers": [CONTAINER, CONTAINER]},
            "not supported by the local SageMaker: containers with more than one",
        ),
        ({"PrimaryContainer": {}}, "needs an Image"),
        (
            {"PrimaryContainer": {**CONTAINER, "Mode": "MultiModel"}},
            "not supported by the local SageMaker: PrimaryContainer.Mode=Multi",
        ),
        (
            {"PrimaryContainer": {**CONTAINER, "MultiModelConfig": {"ModelCacheSetting": "Enabled"}}},
            "not supported by the local SageMaker: PrimaryContainer.MultiModelConfig",
        ),
        (
            {"PrimaryContainer": {**CONTAINER, "ModelPackageName": "house"}},
            "Specify one of either Image and Model Data URL or ModelPackageName in container definition.",
        ),
        ({"PrimaryContainer": {"ModelPackageName": "nobody"}}, "model-package/nobody does not exist"),
        ({"PrimaryContainer": {**CONTAINER, "Foo": "x"}}, "foo"),
    ],
)
def test_invalid_models_are_rejected(world: Any, request_: dict[str, Any], words: str) -> None:
    assert words in refused(world, "CreateModel", ModelName="m", **request_)
    assert world.call("ListModels")["Models"] == []


def test_endpoint_config_is_created_described_listed_and_deleted(world: Any) -> None:
    arn = ACCOUNT + "endpoint-config/first"
    message = refused(world, "CreateEndpointConfig", EndpointConfigName="first", ProductionVariants=[VARIANT])
    assert message == f'Could not find model "{ACCOUNT}model/house".'
    world.create_model("house")
    world.call("CreateEndpointConfig", EndpointConfigName="first", ProductionVariants=[VARIANT])
    found = world.call("DescribeEndpointConfig", EndpointConfigName="first")
    assert (found["EndpointConfigArn"], found["ProductionVariants"]) == (
        arn,
        [{**VARIANT, "InitialVariantWeight": 1.0}],
    )
    message = refused(world, "CreateEndpointConfig", EndpointConfigName="first", ProductionVariants=[VARIANT])
    assert message == f'Cannot create already existing endpoint configuration "{arn}".'
    world.create_config("second", "house")
    listed = world.call("ListEndpointConfigs", SortBy="Name", SortOrder="Ascending", MaxResults=1)
    assert [each["EndpointConfigName"] for each in listed["EndpointConfigs"]] == ["first"]
    assert "NextToken" in listed
    world.call("DeleteEndpointConfig", EndpointConfigName="first")
    for operation in ("DescribeEndpointConfig", "DeleteEndpointConfig"):
        message = refused(world, operation, EndpointConfigName="first")
        assert message == f'Could not find endpoint configuration "{arn}".'
    message = refused(world, "CreateEndpoint", EndpointName="e", EndpointConfigName="first")
    assert message == f'Could not find endpoint configuration "{arn}".'


@pytest.mark.parametrize(
    ("variant", "more", "words"),
    [
        (
            {
                "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1},
                "InstanceType": None,
                "InitialInstanceCount": None,
            },
            {},
            "ProductionVariants.ServerlessConfig",
        ),
        ({"ModelName": None}, {}, "without ModelName"),
        ({"InstanceType": None}, {}, "needs InstanceType"),
        ({}, {"AsyncInferenceConfig": {"OutputConfig": {}}}, "AsyncInferenceConfig"),
        ({}, {"ShadowProductionVariants": [VARIANT]}, "ShadowProductionVariants"),
        (
            {"ManagedInstanceScaling": {"Status": "ENABLED"}},
            {},
            "ManagedInstanceScaling is only supported for inference component endpoints.",
        ),
        (
            {},
            {
                "DataCaptureConfig": {
                    "EnableCapture": True,
                    "InitialSamplingPercentage": 100,
                    "DestinationS3Uri": "https://b/k",
                    "CaptureOptions": [{"CaptureMode": "Input"}],
                }
            },
            "DataCaptureConfig.DestinationS3Uri=https://b/k",
        ),
    ],
)
def test_fields_that_could_change_a_response_are_rejected(
    world: Any, variant: dict[str, Any], more: dict[str, Any], words: str
) -> None:
    world.create_model("house")
    asked = {key: value for key, value in {**VARIANT, **variant}.items() if value is not None}
    message = refused(
        world, "CreateEndpointConfig", EndpointConfigName="c", ProductionVariants=[asked], **more
    )
    assert words in message


def test_fields_that_cannot_change_a_response_are_accepted(world: Any) -> None:
    world.create_model("house")
    variant = {
        **VARIANT,
        "VolumeSizeInGB": 30,
        "InitialInstanceCount": 3,
    }
    world.call(
        "CreateEndpointConfig",
        EndpointConfigName="c",
        ProductionVariants=[variant],
        KmsKeyId="alias/key",
        DataCaptureConfig={
            "EnableCapture": False,
            "InitialSamplingPercentage": 0,
            "DestinationS3Uri": "s3://b/k",
            "CaptureOptions": [{"CaptureMode": "Input"}],
        },
    )
    rolling = {
        "RollingUpdatePolicy": {
            "MaximumBatchSize": {"Type": "INSTANCE_COUNT", "Value": 2},
            "WaitIntervalInSeconds": 0,
        }
    }
    message = refused(
        world, "CreateEndpoint", EndpointName="e", EndpointConfigName="c", DeploymentConfig=rolling
    )
    assert message.startswith("MaximumBatchSize is 66.6667 % of the 3 instance(s)")
