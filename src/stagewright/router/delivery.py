"""A record of the queue, as Lambda hands it to a function (Lambda guide, "Using Lambda with Amazon SQS")."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from stagewright.run.gateway.queue import ORIGIN, REASON, Message


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
