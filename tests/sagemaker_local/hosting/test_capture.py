from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest

from sagemaker_local.api.protocol import ApiError

SAME = """
def model_fn(folder): return None
def transform_fn(model, body, content_type, accept): return body, accept
"""
BUCKET = "models"


def capturing(world: Any, name: str, modes: tuple[str, ...] = ("Input", "Output"), **more: Any) -> str:
    """An endpoint that answers what it is sent; answers the prefix of what it captures."""
    prefix = f"{world.settings.root.parent.name}/captured"
    world.create_model(name, SAME)
    config = {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": f"s3://{BUCKET}/{prefix}",
        "CaptureOptions": [{"CaptureMode": mode} for mode in modes],
        "CaptureContentTypeHeader": {
            "CsvContentTypes": ["text/csv"],
            "JsonContentTypes": ["application/json"],
        },
        **more,
    }
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": name,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
    }
    world.call(
        "CreateEndpointConfig",
        EndpointConfigName=name,
        ProductionVariants=[variant],
        DataCaptureConfig=config,
    )
    world.call("CreateEndpoint", EndpointName=name, EndpointConfigName=name)
    assert world.settled(name)["EndpointStatus"] == "InService"
    return prefix


def captured(world: Any, prefix: str) -> list[dict[str, Any]]:
    """What was written, once the service has stopped."""
    world.restart()
    s3 = world.aws("s3")
    keys = [found["Key"] for found in s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])]
    bodies = [s3.get_object(Bucket=BUCKET, Key=key)["Body"].read().decode() for key in keys]
    for key in keys:
        assert re.fullmatch(
            re.escape(prefix)
            + r"/[a-z]+/AllTraffic/\d{4}/\d\d/\d\d/\d\d/\d\d-\d\d-\d{3}-[0-9a-f-]{36}\.jsonl",
            key,
        )
    return [json.loads(line) for body in bodies for line in body.splitlines()]


def test_captured_invocations_have_the_services_format(world: Any) -> None:
    prefix = capturing(world, "kept")
    summary = world.call("DescribeEndpoint", EndpointName="kept")["DataCaptureConfig"]
    assert (summary["EnableCapture"], summary["CaptureStatus"]) == (True, "Started")
    assert summary["CurrentSamplingPercentage"] == 100
    csv = {
        "content-type": "text/csv; charset=utf-8",
        "accept": "text/csv",
        "x-amzn-sagemaker-inference-id": "mine",
    }
    world.service.invoke("kept", b"1,2\n", csv)
    world.service.invoke("kept", b'{"a": 1}', {"content-type": "application/json", "accept": "image/png"})
    first, second = sorted(
        captured(world, prefix), key=lambda line: line["captureData"]["endpointInput"]["encoding"]
    )
    assert first["captureData"] == {
        "endpointInput": {
            "observedContentType": "text/csv; charset=utf-8",
            "mode": "INPUT",
            "data": "1,2\n",
            "encoding": "CSV",
        },
        "endpointOutput": {
            "observedContentType": "text/csv",
            "mode": "OUTPUT",
            "data": "1,2\n",
            "encoding": "CSV",
        },
    }
    assert (first["eventVersion"], first["eventMetadata"]["inferenceId"]) == ("0", "mine")
    assert re.fullmatch(r"[0-9a-f-]{36}", first["eventMetadata"]["eventId"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", first["eventMetadata"]["inferenceTime"])
    assert second["captureData"]["endpointInput"]["encoding"] == "JSON"
    assert second["captureData"]["endpointOutput"] == {
        "observedContentType": "image/png",
        "mode": "OUTPUT",
        "data": base64.b64encode(b'{"a": 1}').decode(),
        "encoding": "BASE64",
    }
    assert "inferenceId" not in second["eventMetadata"]


def test_only_the_configured_sides_are_captured(world: Any) -> None:
    prefix = capturing(world, "outputs", ("Output",))
    world.service.invoke("outputs", b"1,2", {"content-type": "text/csv"})
    assert [list(line["captureData"]) for line in captured(world, prefix)] == [["endpointOutput"]]


@pytest.mark.parametrize("more", [{"EnableCapture": False}, {"InitialSamplingPercentage": 0}])
def test_disabled_capture_stores_nothing(world: Any, more: dict[str, Any]) -> None:
    prefix = capturing(world, "off", **more)
    world.service.invoke("off", b"1,2", {"content-type": "text/csv"})
    assert captured(world, prefix) == []


def test_captured_data_goes_to_s3_only(world: Any) -> None:
    with pytest.raises(
        ApiError, match=r"DataCaptureConfig.DestinationS3Uri=https://elsewhere/x \(only s3://\)"
    ):
        capturing(world, "elsewhere", DestinationS3Uri="https://elsewhere/x")
