"""Queues: `events` in front of the router, and the one of dead letters behind it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

from stagewright.aws.errors import translated
from stagewright.errors import TargetError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

BATCH = 10
"""Messages of one SendMessageBatch or ReceiveMessage (their API reference)."""
LONGEST_DELAY = 900
"""Seconds (SendMessage, DelaySeconds)."""
HIDDEN = 60
"""Seconds that messages are hidden from others while somebody looks at them."""
ORIGIN = "origin"
"""Attribute of a message that was sent again: the id that it had at first."""
REASON = "stagewright-reason"
"""Attribute of a dead letter: why the router could not read it."""
REASON_LIMIT = 1_000
"""Characters of a reason that are kept."""


@dataclass(frozen=True)
class Message:
    """One message as received. `sent` in epoch seconds; `receives`: how often anybody received it.

    `origin`: the id that it had before it was sent again. `reason`: why it is a dead letter, empty where
    nobody said so. `attributes`: all others, as SendMessageBatch takes them.
    """

    id: str
    body: str
    sent: float
    receives: int
    origin: str
    receipt: str
    reason: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Queue:
    client: SQSClient
    name: str

    @cached_property
    def url(self) -> str:
        with translated("sqs", f"the queue {self.name}"):
            return self.client.get_queue_url(QueueName=self.name)["QueueUrl"]

    def send(self, event: Mapping[str, Any], delay: float = 0) -> None:
        """`delay` in seconds, at most fifteen minutes of it are kept."""
        self.send_all([event], delay)

    def send_all(self, events: Iterable[Mapping[str, Any]], delay: float = 0) -> None:
        rest = iter(events)
        seconds = max(0, min(LONGEST_DELAY, int(delay)))
        while some := list(islice(rest, BATCH)):
            entries: list[SendMessageBatchRequestEntryTypeDef] = [
                {"Id": str(number), "MessageBody": json.dumps(event)} for number, event in enumerate(some)
            ]
            for entry in entries:
                if seconds:
                    entry["DelaySeconds"] = seconds
            self._send(entries)

    def send_again(self, message: Message) -> None:
        """Body and attributes under a new id; `origin` keeps the first one."""
        told = {ORIGIN: message.origin, REASON: _plain(message.reason)}
        texts = {name: {"DataType": "String", "StringValue": text} for name, text in told.items() if text}
        attributes: Any = {**message.attributes, **texts}
        self._send([{"Id": "0", "MessageBody": message.body, "MessageAttributes": attributes}])

    def receive(self) -> Iterator[Message]:
        """Every message that is to be had, each hidden for a minute; `release` shows it again."""
        url, seen = self.url, set[str]()
        with translated("sqs", f"the queue {self.name}"):
            while found := self.client.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=BATCH,
                WaitTimeSeconds=1,  # asks all of SQS's servers, not a sample (ReceiveMessage)
                VisibilityTimeout=HIDDEN,
                MessageSystemAttributeNames=["SentTimestamp", "ApproximateReceiveCount"],
                MessageAttributeNames=["All"],
            ).get("Messages", []):
                yield from (_message(each) for each in found if each["MessageId"] not in seen)
                seen.update(each["MessageId"] for each in found)

    def release(self, message: Message) -> None:
        self._hide(message.receipt, 0)

    def put_off(self, receipt: str, delay: float) -> None:
        """Who has received a message gives it back: it can be received again in `delay` visibility timeouts
        of the queue, in whole seconds."""
        url = self.url
        with translated("sqs", f"the queue {self.name}"):
            found = self.client.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
        self._hide(receipt, round(delay * int(found["Attributes"]["VisibilityTimeout"])))

    def delete(self, message: Message) -> None:
        url = self.url
        with translated("sqs", f"the queue {self.name}"):
            self.client.delete_message(QueueUrl=url, ReceiptHandle=message.receipt)

    def _hide(self, receipt: str, seconds: int) -> None:
        url = self.url
        with translated("sqs", f"the queue {self.name}"):
            self.client.change_message_visibility(
                QueueUrl=url, ReceiptHandle=receipt, VisibilityTimeout=seconds
            )

    def _send(self, entries: list[SendMessageBatchRequestEntryTypeDef]) -> None:
        """SendMessageBatch answers well even where single messages were not taken."""
        url = self.url
        with translated("sqs", f"the queue {self.name}"):
            answer = self.client.send_message_batch(QueueUrl=url, Entries=entries)
        if failed := answer.get("Failed", []):
            raise TargetError(
                f"the queue {self.name} did not take {len(failed)} messages: {failed[0].get('Message', '')}",
                "try again",
            )


def _message(given: Mapping[str, Any]) -> Message:
    attributes = dict(given.get("MessageAttributes", {}))
    origin, reason = (attributes.pop(name, {}).get("StringValue", "") for name in (ORIGIN, REASON))
    return Message(
        given["MessageId"],
        given["Body"],
        int(given.get("Attributes", {}).get("SentTimestamp", 0)) / 1000,
        int(given.get("Attributes", {}).get("ApproximateReceiveCount", 0)),
        origin or given["MessageId"],
        given["ReceiptHandle"],
        reason,
        attributes,
    )


def _plain(text: str) -> str:
    """An attribute takes no control characters (SendMessage), which a body may have written as escapes."""
    return "".join(each if each.isprintable() else " " for each in text[:REASON_LIMIT])
