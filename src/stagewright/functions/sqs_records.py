"""SQS records as Lambda passes them to a function (Lambda guide, "Using Lambda with Amazon SQS")."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from stagewright.aws.queue import ORIGIN, REASON, Message
from stagewright.gateway import Gateway

DELAYS = (1 / 24, 1 / 4, 5 / 4, 10 / 3)
"""Delays after the first, second, ... delivery, in visibility timeouts of the queue: 30 seconds, 3, 15 and 40
minutes. Short errors cost little time, and an error of one hour loses no message."""


def delay_retry(gateway: Gateway, record: Mapping[str, Any]) -> None:
    """Set when a failed message is delivered again (SQS API reference, ChangeMessageVisibility).

    Without this, the queue's visibility timeout applies, which Lambda requires to be long. After the last
    delivery there is no delay: the message goes to the dead-letter queue.
    """
    receives = int(record.get("attributes", {}).get("ApproximateReceiveCount", 1))
    delay = dict(enumerate(DELAYS, 1)).get(receives, 0)
    gateway.queue.delay_retry(record["receiptHandle"], delay)


def message_of(record: Mapping[str, Any]) -> Message:
    """The message of a record. `origin` of a message that was sent again is its first id."""
    system = record.get("attributes", {})
    attributes = {name: _attribute(value) for name, value in record.get("messageAttributes", {}).items()}
    origin = attributes.pop(ORIGIN, {}).get("StringValue")
    attributes.pop(REASON, None)
    return Message(
        record["messageId"],
        record["body"],
        int(system.get("SentTimestamp", 0)) / 1000,
        int(system.get("ApproximateReceiveCount", 0)),
        origin or record["messageId"],
        record.get("receiptHandle", ""),
        attributes=attributes,
        sender=system.get("SenderId", ""),
    )


def _attribute(value: Mapping[str, Any]) -> dict[str, Any]:
    """A message attribute in the form of SQS's own API. Lambda encodes binary values in base64."""
    kind = value.get("dataType", "String")
    if kind.startswith("Binary"):
        return {"DataType": kind, "BinaryValue": base64.b64decode(value["binaryValue"])}
    return {"DataType": kind, "StringValue": value.get("stringValue", "")}
