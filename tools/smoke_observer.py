"""A queue that receives all events while the smoke test runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from stagewright.operator_gateway import OperatorGateway

OBSERVER = "observer"
EVENT_SOURCES = ["aws.sagemaker", "aws.states", "aws.s3"]


@contextmanager
def observed(gateway: OperatorGateway) -> Iterator[Any]:
    """Send all events to a queue, and yield a function that receives them."""
    sqs, events = gateway.installed.client("sqs"), gateway.installed.client("events")
    name = gateway.installation.name(OBSERVER)
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn, rule = (gateway.installation.arn(*each) for each in (("sqs", name), ("events", f"rule/{name}")))
    try:
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(may_send(rule, arn))})
        events.put_rule(Name=name, EventPattern=json.dumps({"source": EVENT_SOURCES}))
        events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])
        yield lambda: received(sqs, url)
    finally:
        events.remove_targets(Rule=name, Ids=["queue"])
        events.delete_rule(Name=name)
        sqs.delete_queue(QueueUrl=url)


def may_send(rule: str, arn: str) -> dict[str, Any]:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def received(sqs: Any, url: str) -> Iterator[dict[str, Any]]:
    asked = {"QueueUrl": url, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 2}
    while found := sqs.receive_message(**asked).get("Messages"):
        for each in found:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
            yield json.loads(each["Body"])
