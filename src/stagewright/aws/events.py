"""Events on the default bus of Amazon EventBridge."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stagewright.aws.errors import translate_errors
from stagewright.errors import TargetError

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

SOURCE = "stagewright"


@dataclass(frozen=True)
class Events:
    """Puts events of Stagewright on the bus."""

    client: EventBridgeClient

    def put(self, detail_type: str, detail: Mapping[str, Any]) -> str:
        """Put one event. Return its id.

        Calls PutEvents. An entry has at most 256 KB (EventBridge user guide, "PutEvents event entry size").
        Raises TargetError if EventBridge rejects the entry.
        """
        with translate_errors("events", f"the event {detail_type}"):
            answer = self.client.put_events(
                Entries=[{"Source": SOURCE, "DetailType": detail_type, "Detail": json.dumps(detail)}]
            )
        entry = answer["Entries"][0]
        if answer.get("FailedEntryCount"):
            raise TargetError(
                f"EventBridge rejected the event {detail_type}: {entry.get('ErrorMessage', entry)}",
                "try again",
            )
        return entry.get("EventId", "")
