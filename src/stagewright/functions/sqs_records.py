"""A record of the queue, as Lambda hands it to a function (Lambda guide, "Using Lambda with Amazon SQS")."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from stagewright.aws.queue import ORIGIN, REASON, Message
from stagewright.gateway import Gateway

DELAYS = (1 / 24, 1 / 4, 5 / 4, 10 / 3)
"""Until a message that was received once, twice, ... is delivered again, in visibility timeouts of the queue:
30 seconds, 3, 15 and 40 minutes. What passes soon costs little time, and what lasts an hour still loses no
message."""


def put_off(gateway: Gateway, record: Mapping[str, Any]) -> None:
    """A message that is to be delivered again: sooner than the queue's visibility timeout has it, which is as
    long as Lambda asks for (SQS API reference, ChangeMessageVisibility). The last time it goes on at once."""
    receives = int(record.get("attributes", {}).get("ApproximateReceiveCount", 1))
    delay = dict(enumerate(DELAYS, 1)).get(receives, 0)
    gateway.queue.put_off(record["receiptHandle"], delay)


def delivered(record: Mapping[str, Any]) -> Message:
    """Its `origin` is the first id of a message that was sent again."""
    system = record.get("attributes", {})
    given = {name: _attribute(each) for name, each in record.get("messageAttributes", {}).items()}
    origin = given.pop(ORIGIN, {}).get("StringValue")
    given.pop(REASON, None)
    return Message(
        record["messageId"],
        record["body"],
        int(system.get("SentTimestamp", 0)) / 1000,
        int(system.get("ApproximateReceiveCount", 0)),
        origin or record["messageId"],
        record.get("receiptHandle", ""),
        attributes=given,
    )


def _attribute(given: Mapping[str, Any]) -> dict[str, Any]:
    """As SQS's own API has it; Lambda writes binary values in base64."""
    kind = given.get("dataType", "String")
    if kind.startswith("Binary"):
        return {"DataType": kind, "BinaryValue": base64.b64decode(given["binaryValue"])}
    return {"DataType": kind, "StringValue": given.get("stringValue", "")}
