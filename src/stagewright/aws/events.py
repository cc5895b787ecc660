"""Events on the default bus."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stagewright.aws.errors import translated
from stagewright.errors import TargetError

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

SOURCE = "stagewright"


@dataclass(frozen=True)
class Events:
    client: EventBridgeClient

    def put(self, detail_type: str, detail: Mapping[str, Any]) -> str:
        """The event's id. An entry of at most 256 KB (EventBridge PutEvents quota)."""
        with translated("events", f"the event {detail_type}"):
            answer = self.client.put_events(
                Entries=[{"Source": SOURCE, "DetailType": detail_type, "Detail": json.dumps(detail)}]
            )
        entry = answer["Entries"][0]
        if answer.get("FailedEntryCount"):
            raise TargetError(f"the event {detail_type} was not taken: {entry.get('ErrorMessage', entry)}")
        return entry.get("EventId", "")
