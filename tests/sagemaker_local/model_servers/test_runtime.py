from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.waiting import PATIENCE

from sagemaker_local.api.protocol import ApiError
from sagemaker_local.model_servers import runtime, serving

REPORT = """
import json
def model_fn(folder): return None
def transform_fn(model, body, content_type, accept):
    if body == "raise":
        raise ValueError("bad rows")
    return json.dumps([type(body).__name__, content_type, accept]), accept
"""
Boto = Callable[[str], Any]


def test_boto3_creates_waits_invokes_and_deletes(world: Any, boto: Boto) -> None:
    world.create_model("house")
    world.create_config("house", "house")
    client, caller = boto("sagemaker"), boto("sagemaker-runtime")
    arn = client.create_endpoint(EndpointName="house", EndpointConfigName="house")["EndpointArn"]
    waiter = {"Delay": 1, "MaxAttempts": int(PATIENCE)}
    world.settled("house")
    client.get_waiter("endpoint_in_service").wait(EndpointName="house", WaiterConfig=waiter)
    answer = caller.invoke_endpoint(
        EndpointName="house", Body=b"[1]", ContentType="application/json", InferenceId="mine"
    )
    assert json.load(answer["Body"]) == {"model": "house", "data": [1]}
    assert (answer["InvokedProductionVariant"], answer["ContentType"]) == ("AllTraffic", "application/json")
    names = [
        found["EndpointArn"]
        for found in client.get_paginator("list_endpoints").paginate().search("Endpoints")
    ]
    assert names == [arn]
    client.delete_endpoint(EndpointName="house")
    client.get_waiter("endpoint_deleted").wait(EndpointName="house", WaiterConfig=waiter)
    with pytest.raises(ClientError) as refused:
        caller.invoke_endpoint(EndpointName="house", Body=b"1")
    assert refused.value.response["Error"] == {
        "Code": "ValidationError",
        "Message": "Endpoint house of account 000000000000 not found.",
    }


def test_script_exception_is_a_model_error(world: Any, boto: Boto) -> None:
    world.deploy("house", REPORT)
    with pytest.raises(ClientError) as failed:
        boto("sagemaker-runtime").invoke_endpoint(EndpointName="house", Body=b"raise")
    response = failed.value.response
    assert (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]) == ("ModelError", 424)
    assert response["OriginalStatusCode"] == 500
    assert response["OriginalMessage"].startswith("bad rows\nTraceback")
    assert response["LogStreamArn"].endswith("log-group:/aws/sagemaker/Endpoints/house")
    assert response["Error"]["Message"].startswith(
        'Received server error (500) from primary with message "bad rows'
    )
    assert response["Error"]["Message"].endswith(
        "See https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1#logEventViewer:"
        "group=/aws/sagemaker/Endpoints/house in account 000000000000 for more information."
    )


def test_4xx_response_of_the_container_is_a_client_error(world: Any) -> None:
    world.deploy("house", "def model_fn(folder): pass\ndef predict_fn(data, model): pass\n")
    result = world.service.invoke("house", b"x", {"content-type": "image/png"})
    body = json.loads(result.body)
    assert (result.status, body["OriginalStatusCode"]) == (424, 415)
    assert body["Message"].startswith("Received client error (415) from primary")


def test_content_types_reach_the_script_unchanged(world: Any) -> None:
    world.deploy("house", REPORT, SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT="text/x-default")
    sent = {"content-type": "text/csv", "accept": "application/x-mine", "x-amz-date": "no"}
    result = world.service.invoke("house", b"1,2", sent)
    assert json.loads(result.body) == ["str", "text/csv", "application/x-mine"]
    assert result.headers == {
        "content-type": "application/x-mine",
        "x-amzn-invoked-production-variant": "AllTraffic",
    }
    assert json.loads(world.service.invoke("house", b"", {}).body) == [
        "str",
        "application/json",
        "text/x-default",
    ]


def test_unknown_variants_and_unsupported_headers_are_rejected(world: Any) -> None:
    world.deploy("house")
    for headers, words in (
        ({"x-amzn-sagemaker-target-variant": "blue"}, "Variant blue not found for this endpoint"),
        ({"x-amzn-sagemaker-target-model": "a.tar.gz"}, "not supported by the local SageMaker: TargetModel"),
        ({"x-amzn-sagemaker-session-id": "NEW_SESSION"}, "not supported by the local SageMaker: SessionId"),
    ):
        with pytest.raises(ApiError, match=words) as refused:
            world.service.invoke("house", b"1", headers)
        assert refused.value.code == "ValidationError"


def test_body_over_the_limit_is_rejected(world: Any) -> None:
    world.deploy("house", REPORT)
    whole = b"x" * runtime.BODY_LIMIT
    assert world.service.invoke("house", whole, {}).status == 200
    with pytest.raises(ApiError, match="length less than or equal to 6291456"):
        world.service.invoke("house", whole + b"x", {})


def test_slow_container_is_reported_as_a_timeout(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    world.deploy("slow", REPORT.replace("if body", "import time; time.sleep(5)\n    if body"))
    exchange = serving.Worker.exchange
    monkeypatch.setattr(serving.Worker, "exchange", lambda *given: exchange(*given, timeout=0.2))
    body = json.loads(world.service.invoke("slow", b"x", {}).body)
    assert body["OriginalStatusCode"] == 0
    assert body["OriginalMessage"].startswith("Your invocation timed out while waiting for a response")
