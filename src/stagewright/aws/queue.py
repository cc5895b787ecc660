"""Queues of Amazon SQS: `events`, which the router reads, and its dead-letter queue."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

from stagewright.aws.errors import translate_errors
from stagewright.errors import TargetError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

BATCH = 10
"""Messages of one SendMessageBatch or ReceiveMessage (SQS API reference)."""
LONGEST_DELAY = 900
"""Seconds (SQS API reference, SendMessage, DelaySeconds)."""
LONG_POLL = 1
"""Seconds. Long polling asks all servers of SQS, not a sample (SQS API reference, ReceiveMessage)."""
VISIBILITY_TIMEOUT = 60
"""Seconds that received messages are hidden from other readers."""
ORIGIN = "origin"
"""The message attribute with the first id of a message that was sent again."""
REASON = "stagewright-reason"
"""The message attribute that says why a message is a dead letter."""
ANY_RELEASE = "stagewright-any-release"
"""The message attribute of a push that a person sent again by its id: it runs even if a newer one has."""
REASON_LIMIT = 1_000
"""Characters of a reason. The rest is cut off."""


@dataclass(frozen=True)
class Message:
    """One received message. `sent` is epoch seconds. `receives` counts how often it was received.

    `origin` is its first id, which differs from `id` if it was sent again. `reason` says why it is a dead
    letter; it is empty if SQS moved it there. `attributes` are the other message attributes. `sender` is the
    ID of the IAM user or role that sent it (SQS API reference, ReceiveMessage, SenderId); a sender cannot
    choose it.
    """

    id: str
    body: str
    sent: float
    receives: int
    origin: str
    receipt: str
    reason: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    sender: str = ""


@dataclass(frozen=True)
class Queue:
    """Sends, receives and deletes messages."""

    client: SQSClient
    name: str

    @cached_property
    def url(self) -> str:
        with translate_errors("sqs", f"the queue {self.name}"):
            return self.client.get_queue_url(QueueName=self.name)["QueueUrl"]

    def send(self, event: Mapping[str, Any], delay: float = 0) -> None:
        """Send one event as JSON, after `delay` seconds (at most 15 minutes). Calls SendMessageBatch."""
        self.send_all([event], delay)

    def send_all(self, events: Iterable[Mapping[str, Any]], delay: float = 0) -> None:
        """Send events in batches of ten. Raises TargetError if SQS rejects one. Calls SendMessageBatch."""
        rest = iter(events)
        seconds = max(0, min(LONGEST_DELAY, int(delay)))
        while batch := list(islice(rest, BATCH)):
            entries: list[SendMessageBatchRequestEntryTypeDef] = [
                {"Id": str(number), "MessageBody": json.dumps(event)} for number, event in enumerate(batch)
            ]
            for entry in entries:
                if seconds:
                    entry["DelaySeconds"] = seconds
            self._send(entries)

    def send_again(self, message: Message) -> None:
        """Send a received message again. It gets a new id; the attribute `origin` keeps the first one."""
        own = {ORIGIN: message.origin, REASON: _plain(message.reason)}
        texts = {name: {"DataType": "String", "StringValue": text} for name, text in own.items() if text}
        attributes: Any = {**message.attributes, **texts}
        self._send([{"Id": "0", "MessageBody": message.body, "MessageAttributes": attributes}])

    def receive(self) -> Iterator[Message]:
        """Yield every available message. Each is then hidden for a minute; `release` ends that.

        Calls ReceiveMessage until it returns none.
        """
        url, seen = self.url, set[str]()
        with translate_errors("sqs", f"the queue {self.name}"):
            while received := self.client.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=BATCH,
                WaitTimeSeconds=LONG_POLL,
                VisibilityTimeout=VISIBILITY_TIMEOUT,
                MessageSystemAttributeNames=["SentTimestamp", "ApproximateReceiveCount"],
                MessageAttributeNames=["All"],
            ).get("Messages", []):
                yield from (_message(raw) for raw in received if raw["MessageId"] not in seen)
                seen.update(raw["MessageId"] for raw in received)

    def release(self, message: Message) -> None:
        """Make a received message available again. Calls ChangeMessageVisibility."""
        self._hide(message.receipt, 0)

    def delay_retry(self, receipt: str, timeouts: float) -> None:
        """Make a received message available again after `timeouts` visibility timeouts of the queue.

        Calls GetQueueAttributes and ChangeMessageVisibility.
        """
        url = self.url
        with translate_errors("sqs", f"the queue {self.name}"):
            answer = self.client.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
        self._hide(receipt, round(timeouts * int(answer["Attributes"]["VisibilityTimeout"])))

    def delete(self, message: Message) -> None:
        """Delete a received message. Calls DeleteMessage."""
        url = self.url
        with translate_errors("sqs", f"the queue {self.name}"):
            self.client.delete_message(QueueUrl=url, ReceiptHandle=message.receipt)

    def _hide(self, receipt: str, seconds: int) -> None:
        url = self.url
        with translate_errors("sqs", f"the queue {self.name}"):
            self.client.change_message_visibility(
                QueueUrl=url, ReceiptHandle=receipt, VisibilityTimeout=seconds
            )

    def _send(self, entries: list[SendMessageBatchRequestEntryTypeDef]) -> None:
        """Call SendMessageBatch, whose response can be a success although single messages failed."""
        url = self.url
        with translate_errors("sqs", f"the queue {self.name}"):
            answer = self.client.send_message_batch(QueueUrl=url, Entries=entries)
        if failed := answer.get("Failed", []):
            raise TargetError(
                f"the queue {self.name} rejected {len(failed)} messages: {failed[0].get('Message', '')}",
                "try again",
            )


def _message(raw: Mapping[str, Any]) -> Message:
    attributes = dict(raw.get("MessageAttributes", {}))
    origin, reason = (attributes.pop(name, {}).get("StringValue", "") for name in (ORIGIN, REASON))
    return Message(
        raw["MessageId"],
        raw["Body"],
        int(raw.get("Attributes", {}).get("SentTimestamp", 0)) / 1000,
        int(raw.get("Attributes", {}).get("ApproximateReceiveCount", 0)),
        origin or raw["MessageId"],
        raw["ReceiptHandle"],
        reason,
        attributes,
    )


def _plain(text: str) -> str:
    """Replace control characters, which an attribute must not contain (SQS API reference, SendMessage)."""
    return "".join(char if char.isprintable() else " " for char in text[:REASON_LIMIT])
