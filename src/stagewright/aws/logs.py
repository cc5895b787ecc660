"""Log groups of Amazon CloudWatch Logs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from stagewright.aws.errors import is_missing, translate_errors

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_logs.type_defs import GetLogEventsResponseTypeDef

PAGE_EVENTS = 10_000
"""Maximum number of events of one GetLogEvents (API reference)."""


@dataclass(frozen=True)
class LogEvent:
    """One line of a log. `time` is epoch milliseconds."""

    time: int
    text: str


@dataclass(frozen=True)
class Logs:
    """Reads log streams. A log group that does not exist has no streams and no events."""

    client: CloudWatchLogsClient

    def streams(self, group: str, prefix: str) -> tuple[str, ...]:
        """Return the names of the streams that start with `prefix`, or of all if it is empty.

        Calls DescribeLogStreams.
        """
        paginator = self.client.get_paginator("describe_log_streams")
        if prefix:
            pages = paginator.paginate(logGroupName=group, logStreamNamePrefix=prefix)
        else:
            pages = paginator.paginate(logGroupName=group)
        with translate_errors("logs", f"the log group {group}"):
            try:
                return tuple(
                    stream["logStreamName"] for page in pages for stream in page.get("logStreams", [])
                )
            except ClientError as error:
                if not is_missing(error):
                    raise
                return ()

    def read(self, group: str, stream: str, token: str = "", since: int = 0) -> tuple[list[LogEvent], str]:
        """Return a page of events after `token`, and the next token. Without a token, start at the beginning.

        Events before `since` (epoch milliseconds) are left out. Calls GetLogEvents. At the end of the stream
        it returns the same token again (API reference). A page can be empty before that.
        """
        events, answer = self._page(group, stream, token, startFromHead=True, startTime=since)
        return events, answer.get("nextForwardToken", token)

    def last(self, group: str, stream: str, count: int) -> list[LogEvent]:
        """Return the last events of a stream, oldest first. Calls GetLogEvents, from the end on."""
        events: list[LogEvent] = []
        token = ""
        while len(events) < count:
            limit = min(count - len(events), PAGE_EVENTS)
            page, answer = self._page(group, stream, token, startFromHead=False, limit=limit)
            events = page + events
            following = answer.get("nextBackwardToken", token)
            if following == token:
                break
            token = following
        return events

    def _page(
        self, group: str, stream: str, token: str, **options: Any
    ) -> tuple[list[LogEvent], GetLogEventsResponseTypeDef]:
        following: dict[str, Any] = {"nextToken": token} if token else {}
        with translate_errors("logs", f"the log {group}/{stream}"):
            answer = self.client.get_log_events(
                logGroupName=group, logStreamName=stream, **following, **options
            )
        return [LogEvent(event["timestamp"], event["message"]) for event in answer["events"]], answer

    def search(self, group: str, text: str, since: int, stream: str = "") -> Iterator[LogEvent]:
        """Yield the events of a group that contain `text`, from epoch milliseconds `since` on, oldest first.

        `stream`: only of this stream. Upper and lower case differ. Calls FilterLogEvents.
        """
        phrase = text.replace("\\", "\\\\").replace('"', '\\"')
        only: dict[str, Any] = {"logStreamNames": [stream]} if stream else {}
        pages = self.client.get_paginator("filter_log_events").paginate(
            logGroupName=group, filterPattern=f'"{phrase}"', startTime=since, **only
        )
        with translate_errors("logs", f"the log group {group}"):
            try:
                for page in pages:
                    for event in page.get("events", []):
                        yield LogEvent(event.get("timestamp", 0), event.get("message", ""))
            except ClientError as error:
                if not is_missing(error):
                    raise
