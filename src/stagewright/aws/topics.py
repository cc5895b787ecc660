"""Notices to people, by SNS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from stagewright.aws.errors import translated

SUBJECT_LIMIT = 100
"""Characters of a subject; ASCII, no line breaks (API reference of SNS Publish)."""


class SNSClient(Protocol):
    """The one call that is used; boto3's stubs for SNS are not among the development requirements."""

    def publish(self, *, TopicArn: str, Subject: str, Message: str) -> dict[str, Any]: ...  # noqa: N803 -- AWS's names


@dataclass(frozen=True)
class Topics:
    client: SNSClient

    def publish(self, topic: str, subject: str, message: str) -> None:
        plain = " ".join(subject.encode("ascii", "replace").decode().split())[:SUBJECT_LIMIT]
        with translated("sns", f"the topic {topic}"):
            self.client.publish(TopicArn=topic, Subject=plain, Message=message)
