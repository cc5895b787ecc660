"""The operations of CloudWatch Logs on log streams and their events, with AWS's limits.

AWS facts are from the API reference of CloudWatch Logs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import Any
from zlib import crc32

from botocore.model import ServiceModel

from sagemaker_local.api.constraints import violations
from sagemaker_local.api.protocol import ApiError
from sagemaker_local.logs.log_file import LogEvent, LogFile
from sagemaker_local.session import LOADER
from stagewright.local.logs import filter_pattern, tokens
from stagewright.local.logs.merging import LoggedEvent, merged
from stagewright.local.logs.served_logs import ServedLogs, StreamEntry

PAGE_EVENTS = 10_000
PAGE_BYTES = 1_048_576
"""The largest page of GetLogEvents and FilterLogEvents, and the largest PutLogEvents."""
OVERHEAD = 26
"""Bytes that PutLogEvents adds for each event."""
PAGE_STREAMS = 50
SEARCH_BYTES = 8 * 1024 * 1024
"""What FilterLogEvents reads for one page. A page can be empty although there are more events."""
OLDEST, NEWEST = 14 * 86_400_000, 2 * 3_600_000
"""How far the events of PutLogEvents can be in the past and in the future, in milliseconds."""

Request = dict[str, Any]
Operation = Callable[[Request], dict[str, Any]]


def invalid(message: str) -> ApiError:
    return ApiError("InvalidParameterException", message)


@cache
def service_model() -> ServiceModel:
    return ServiceModel(LOADER.load_service_model("logs", "service-2"), "logs")


class Operations:
    """`has_group` returns whether a log group exists. `arn` makes the ARN of a group without `:*`."""

    def __init__(self, logs: ServedLogs, has_group: Callable[[str], bool], arn: Callable[[str], str]) -> None:
        self._logs = logs
        self._has_group = has_group
        self._arn = arn
        self.all: dict[str, Operation] = {
            "CreateLogStream": self._create,
            "DeleteLogStream": self._delete,
            "DescribeLogStreams": self._describe,
            "PutLogEvents": self._put,
            "GetLogEvents": self._get,
            "FilterLogEvents": self._filter,
        }

    def call(self, name: str, request: Request) -> dict[str, Any]:
        """Raise ApiError with CloudWatch Logs's code and message."""
        shape = service_model().operation_model(name).input_shape
        if shape and (errors := list(violations(shape, request))):
            raise invalid(f"{len(errors)} validation errors detected: {'; '.join(errors)}")
        return self.all[name](request)

    def _create(self, request: Request) -> dict[str, Any]:
        name = request["logStreamName"]
        if not self._logs.create(self._group(request), name):
            message = f"The specified log stream already exists: {name}"
            raise ApiError("ResourceAlreadyExistsException", message)
        return {}

    def _delete(self, request: Request) -> dict[str, Any]:
        self._logs.delete(self._stream(request))
        return {}

    def _describe(self, request: Request) -> dict[str, Any]:
        group, limit = self._group(request), request.get("limit", PAGE_STREAMS)
        order = {"after": request.get("nextToken", ""), "descending": request.get("descending", False)}
        if request.get("orderBy") == "LastEventTime":
            if request.get("logStreamNamePrefix"):
                raise invalid("Cannot order by LastEventTime with a logStreamNamePrefix.")
            return self._describe_by_time(group, limit, **order)
        entries = self._logs.entries(group, limit + 1, prefix=request.get("logStreamNamePrefix", ""), **order)
        following = {"nextToken": entries[limit - 1].name} if len(entries) > limit else {}
        return {"logStreams": [self._described(entry) for entry in entries[:limit]], **following}

    def _describe_by_time(self, group: str, limit: int, after: str, descending: bool) -> dict[str, Any]:
        """Return a page in the order of the last events. `after` is the number of streams before it."""
        if after and not after.isdecimal():
            raise invalid("The specified nextToken is invalid.")
        streams = [self._described(entry) for entry in self._logs.entries(group)]
        streams.sort(key=lambda stream: stream.get("lastEventTimestamp", 0), reverse=descending)
        end = int(after or 0) + limit
        following = {"nextToken": str(end)} if end < len(streams) else {}
        return {"logStreams": streams[end - limit : end], **following}

    def _described(self, entry: StreamEntry) -> dict[str, Any]:
        """`storedBytes` of a stream is always 0 (LogStream)."""
        events = self._logs.events(entry)
        first, last = events.first_segment(), events.last_segment()
        times: dict[str, int] = {}
        if first and last:
            times = {"firstEventTimestamp": first.time, "lastEventTimestamp": last.time}
            times["lastIngestionTime"] = last.time
        return {
            "logStreamName": entry.name,
            "creationTime": entry.created,
            "arn": f"{self._arn(entry.group)}:log-stream:{entry.name}",
            "storedBytes": 0,
            **times,
        }

    def _put(self, request: Request) -> dict[str, Any]:
        """Write the events of the accepted times. Their order is that of the request."""
        entry = self._stream(request)
        events = [(event["timestamp"], event["message"]) for event in request["logEvents"]]
        if events != sorted(events, key=lambda event: event[0]):
            raise invalid("Log events in a single PutLogEvents request must be in chronological order.")
        size = sum(len(message.encode("utf-8", "replace")) + OVERHEAD for _, message in events)
        if size > PAGE_BYTES:
            raise invalid(f"Upload too large: {size} bytes exceeds limit of {PAGE_BYTES}")
        now = int(time.time() * 1000)
        too_old = sum(moment < now - OLDEST for moment, _ in events)
        too_new = sum(moment <= now + NEWEST for moment, _ in events)
        if accepted := events[too_old:too_new]:
            self._logs.append(entry, accepted)
        rejected = {"tooOldLogEventEndIndex": too_old} if too_old else {}
        rejected |= {"tooNewLogEventStartIndex": too_new} if too_new < len(events) else {}
        return {"nextSequenceToken": str(now), **({"rejectedLogEventsInfo": rejected} if rejected else {})}

    def _get(self, request: Request) -> dict[str, Any]:
        """Return a page of a stream. A token is a direction and an offset in the stream's file."""
        events = self._logs.events(self._stream(request))
        start = events.offset_of(request["startTime"]) if "startTime" in request else 0
        end = events.offset_of(request["endTime"]) if "endTime" in request else events.end
        is_forward = request.get("startFromHead", False)
        position = start if is_forward else end
        if token := request.get("nextToken"):
            is_forward, position = _position(token)
        position = max(start, min(position, end))
        limit = request.get("limit", PAGE_EVENTS)
        if is_forward:
            read = _page(LogFile(events.file, end).events(position), limit)
            first, last = position, read[-1].end if read else position
        else:
            read = _page(_since(events, position, start), limit)[::-1]
            first, last = read[0].start if read else position, position
        return {
            "events": [_output(event) for event in read],
            "nextForwardToken": f"f/{last}",
            "nextBackwardToken": f"b/{first}",
        }

    def _filter(self, request: Request) -> dict[str, Any]:
        """Return a page of a group. A token is the position of its last event in the order of all events."""
        pattern = filter_pattern.parsed(request.get("filterPattern", ""))
        if not request.get("startFromHead", True):
            raise invalid("not supported by the local CloudWatch Logs: startFromHead=False")
        entries = self._searched(request)
        after = _order_of(request["nextToken"]) if "nextToken" in request else None
        since = max(request.get("startTime", 0), after[0] if after else 0)
        limit, until = request.get("limit", PAGE_EVENTS), request.get("endTime")
        page: list[LoggedEvent] = []
        used = searched = 0
        last: LoggedEvent | None = None
        for logged in merged(self._logs, entries, since, pattern.needed):
            if until is not None and logged.event.time > until:
                break
            if after and logged.order <= after:
                continue
            message = logged.event.message
            if message and pattern.matches(message):
                used += len(message.encode())
                if page and used > PAGE_BYTES:
                    return _filtered(page, last)
                page.append(logged)
            last, searched = logged, searched + len(logged.event.data)
            if len(page) == limit or searched > SEARCH_BYTES:
                return _filtered(page, last)
        return _filtered(page, None)

    def _searched(self, request: Request) -> list[StreamEntry]:
        group, names = self._group(request), request.get("logStreamNames", [])
        if names and "logStreamNamePrefix" in request:
            raise invalid("logStreamNamePrefix and logStreamNames are mutually exclusive.")
        if names:
            return [self._stream({"logGroupName": group, "logStreamName": name}) for name in names]
        return self._logs.entries(group, prefix=request.get("logStreamNamePrefix", ""))

    def _stream(self, request: Request) -> StreamEntry:
        group = self._group(request)
        entry = self._logs.find(group, request["logStreamName"])
        if entry is None:
            raise ApiError("ResourceNotFoundException", "The specified log stream does not exist.")
        return entry

    def _group(self, request: Request) -> str:
        """Return the name of the group, which the request has as a name or as an ARN."""
        name, identifier = request.get("logGroupName", ""), request.get("logGroupIdentifier", "")
        if bool(name) == bool(identifier):
            raise invalid("Either logGroupName or logGroupIdentifier must be specified, and not both.")
        group: str = name or identifier.rpartition(":log-group:")[2].removesuffix(":*")
        if not self._has_group(group):
            raise ApiError("ResourceNotFoundException", "The specified log group does not exist.")
        return group


def pointer_of(logged: LoggedEvent) -> str:
    """Return the text that identifies an event in queries."""
    return tokens.encode(logged.entry.group, *logged.order)


def _page(events: Iterable[LogEvent], limit: int) -> list[LogEvent]:
    """Take events until the page is full."""
    page: list[LogEvent] = []
    used = 0
    for event in events:
        used += len(event.message.encode())
        if page and used > PAGE_BYTES:
            break
        if event.message:  # CloudWatch Logs has no empty events
            page.append(event)
        if len(page) == limit:
            break
    return page


def _since(events: LogFile, end: int, start: int) -> Iterator[LogEvent]:
    for event in events.events_before(end):
        if event.start < start:
            return
        yield event


def _position(token: str) -> tuple[bool, int]:
    direction, _, offset = token.partition("/")
    if direction not in ("f", "b") or not offset.isdecimal():
        raise invalid("The specified nextToken is invalid.")
    return direction == "f", int(offset)


def _order_of(token: str) -> tuple[int, str, int]:
    try:
        moment, name, offset = tokens.decode(token)
        return int(moment), str(name), int(offset)
    except (ValueError, TypeError):
        raise invalid("The specified nextToken is invalid.") from None


def _filtered(page: Sequence[LoggedEvent], last: LoggedEvent | None) -> dict[str, Any]:
    following = {"nextToken": tokens.encode(*last.order)} if last else {}
    return {"events": [_found(logged) for logged in page], "searchedLogStreams": [], **following}


def _output(event: LogEvent) -> dict[str, Any]:
    return {"timestamp": event.time, "message": event.message, "ingestionTime": event.time}


def _found(logged: LoggedEvent) -> dict[str, Any]:
    event, name = logged.event, logged.entry.name
    number = f"{event.time:020}{crc32(name.encode()):010}{event.start:026}"
    return {**_output(event), "logStreamName": name, "eventId": number}
