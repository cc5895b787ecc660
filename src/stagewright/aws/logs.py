"""Log groups of CloudWatch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from stagewright.aws.errors import is_missing, translated

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient


@dataclass(frozen=True)
class LogEvent:
    """One line. `time` in epoch milliseconds."""

    time: int
    text: str


@dataclass(frozen=True)
class Logs:
    client: CloudWatchLogsClient

    def streams(self, group: str, prefix: str) -> tuple[str, ...]:
        """Names of the streams that start with `prefix` (empty: all); none where there is no such group."""
        paginator = self.client.get_paginator("describe_log_streams")
        if prefix:
            pages = paginator.paginate(logGroupName=group, logStreamNamePrefix=prefix)
        else:
            pages = paginator.paginate(logGroupName=group)
        with translated("logs", f"the log group {group}"):
            try:
                return tuple(
                    stream["logStreamName"] for page in pages for stream in page.get("logStreams", [])
                )
            except ClientError as error:
                if not is_missing(error):
                    raise
                return ()

    def read(self, group: str, stream: str, token: str = "") -> tuple[tuple[LogEvent, ...], str]:
        """Events after `token` (from the first line without one), and the next token.

        The same token comes back when there is nothing more now (API reference of GetLogEvents).
        """
        with translated("logs", f"the log {group}/{stream}"):
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
        """Events of a group that hold `text`, from epoch milliseconds `since` on, oldest first."""
        pages = self.client.get_paginator("filter_log_events").paginate(
            logGroupName=group, filterPattern=f'"{text}"', startTime=since
        )
        with translated("logs", f"the log group {group}"):
            try:
                for page in pages:
                    for event in page.get("events", []):
                        yield LogEvent(event.get("timestamp", 0), event.get("message", ""))
            except ClientError as error:
                if not is_missing(error):
                    raise
