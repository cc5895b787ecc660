"""Topics of Amazon SNS, for notices to people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stagewright.aws.errors import translate_errors

SUBJECT_LIMIT = 100
"""Characters of a subject. It is ASCII without line breaks (SNS API reference, Publish)."""


@dataclass(frozen=True)
class Topics:
    """Publishes notices."""

    client: Any

    def publish(self, topic: str, subject: str, message: str) -> None:
        """Publish a message to a topic (ARN). The subject is cut to what SNS takes. Calls Publish."""
        plain = " ".join(subject.encode("ascii", "replace").decode().split())[:SUBJECT_LIMIT]
        with translate_errors("sns", f"the topic {topic}"):
            self.client.publish(TopicArn=topic, Subject=plain, Message=message)
