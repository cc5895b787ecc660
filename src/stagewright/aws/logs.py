"""Log groups of Amazon CloudWatch Logs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from stagewright.aws.errors import is_missing, translate_errors

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient


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

    def read(self, group: str, stream: str, token: str = "") -> tuple[tuple[LogEvent, ...], str]:
        """Return the events after `token` and the next token. Without a token, start with the first event.

        Calls GetLogEvents. At the end of the stream it returns the same token again (API reference).
        """
        with translate_errors("logs", f"the log {group}/{stream}"):
            if token:
                answer = self.client.get_log_events(
                    logGroupName=group, logStreamName=stream, nextToken=token, startFromHead=True
                )
            else:
                answer = self.client.get_log_events(
                    logGroupName=group, logStreamName=stream, startFromHead=True
                )
        events = tuple(LogEvent(event["timestamp"], event["message"]) for event in answer["events"])
        return events, answer.get("nextForwardToken", token)

    def search(self, group: str, text: str, since: int) -> Iterator[LogEvent]:
        """Yield the events of a group that contain `text`, from epoch milliseconds `since` on, oldest first.

        Calls FilterLogEvents.
        """
        pages = self.client.get_paginator("filter_log_events").paginate(
            logGroupName=group, filterPattern=f'"{text}"', startTime=since
        )
        with translate_errors("logs", f"the log group {group}"):
            try:
                for page in pages:
                    for event in page.get("events", []):
                        yield LogEvent(event.get("timestamp", 0), event.get("message", ""))
            except ClientError as error:
                if not is_missing(error):
                    raise
