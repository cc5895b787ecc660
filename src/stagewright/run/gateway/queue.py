"""The queue `events`, in front of the router."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from stagewright.run.gateway.failures import translated

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


@dataclass(frozen=True)
class Queue:
    client: SQSClient
    name: str

    @cached_property
    def url(self) -> str:
        with translated("sqs", f"the queue {self.name}"):
            return self.client.get_queue_url(QueueName=self.name)["QueueUrl"]

    def send(self, event: Mapping[str, Any]) -> str:
        """The message's id."""
        url = self.url
        with translated("sqs", f"the queue {self.name}"):
            return self.client.send_message(QueueUrl=url, MessageBody=json.dumps(event))["MessageId"]
