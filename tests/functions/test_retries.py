"""A message that fails is delivered again after growing delays."""

from __future__ import annotations

import json

import pytest

from stagewright.aws.executions import Executions
from stagewright.errors import TargetError
from stagewright.functions import sqs_records
from stagewright.functions.router import handler
from stagewright.installation.queues import MAX_RECEIVES, VISIBILITY
from stagewright.runs.releases.push import push

BODY = json.dumps({"pipeline": "prices", "by": "ada"})


def received(gateway, wait=0):
    """The records of the queue, as Lambda's event source passes and hides them."""
    found = gateway.queue.client.receive_message(
        QueueUrl=gateway.queue.url,
        WaitTimeSeconds=wait,
        VisibilityTimeout=VISIBILITY,
        MessageSystemAttributeNames=["SentTimestamp", "ApproximateReceiveCount"],
    ).get("Messages", [])
    return [
        {
            "messageId": each["MessageId"],
            "body": each["Body"],
            "attributes": each["Attributes"],
            "receiptHandle": each["ReceiptHandle"],
        }
        for each in found
    ]


@pytest.fixture
def failing(function, pipeline, files, context, monkeypatch, tools):
    """`failing(records)` calls the router while executions cannot start."""

    def throttled(*_):
        raise TargetError("ThrottlingException")

    push(function, pipeline, files)
    timeout = {"VisibilityTimeout": str(VISIBILITY)}
    function.queue.client.set_queue_attributes(QueueUrl=function.queue.url, Attributes=timeout)
    function.queue.client.send_message(QueueUrl=function.queue.url, MessageBody=BODY)

    def fail(records):
        with monkeypatch.context() as patch:
            patch.setattr(Executions, "start", throttled)
            return [
                each["itemIdentifier"] for each in handler({"Records": records}, context)["batchItemFailures"]
            ]

    return fail


def test_failed_message_returns_before_the_visibility_timeout(function, context, monkeypatch, failing, tools):
    monkeypatch.setattr(sqs_records, "DELAYS", (1 / VISIBILITY,))
    first = received(function)
    assert failing(first) == [first[0]["messageId"]]
    (again,) = received(function, wait=20)
    assert again["messageId"] == first[0]["messageId"]
    assert again["attributes"]["ApproximateReceiveCount"] == "2"
    assert handler({"Records": [again]}, context) == {"batchItemFailures": []}
    assert len(tools.executions(function)) == 1


def test_failed_message_is_delayed(function, monkeypatch, failing):
    monkeypatch.setattr(sqs_records, "DELAYS", (1 / 2,))
    failing(received(function))
    assert received(function) == []


def test_last_delivery_has_no_delay(function, monkeypatch, failing):
    monkeypatch.setattr(sqs_records, "DELAYS", ())
    first = received(function)
    failing(first)
    assert [each["messageId"] for each in received(function)] == [first[0]["messageId"]]


def test_delays_grow_and_sum_to_an_hour():
    assert len(sqs_records.DELAYS) == MAX_RECEIVES - 1
    assert list(sqs_records.DELAYS) == sorted(sqs_records.DELAYS)
    assert 3000 < sum(sqs_records.DELAYS) * VISIBILITY < 3600
    assert sqs_records.DELAYS[0] * VISIBILITY == 30


def test_undelayed_message_returns_after_the_visibility_timeout(function, failing, monkeypatch):
    (record,) = received(function)
    assert failing([record | {"receiptHandle": "none"}]) == [record["messageId"]]
    assert received(function) == []
