"""CloudWatch Logs: ministack has the log groups, `ServedLogs` has their streams and events.

ministack keeps every event twice in memory and copies them into each snapshot. With these patches it has no
events. Lambda functions write to one stream per server process, as an execution environment of AWS does.
"""

from __future__ import annotations

import json
import logging
import secrets
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sagemaker_local.api.protocol import JSON_TYPE, ApiError, json_object, rejection
from stagewright.local.emulator.patches import replace
from stagewright.local.logs import tokens
from stagewright.local.logs.merging import LoggedEvent, merged
from stagewright.local.logs.operations import Operations, pointer_of
from stagewright.local.logs.served_logs import ServedLogs

TARGET_PREFIX = "Logs_20140328."
QUERIES = {"StartQuery": "_start_query", "GetLogGroupFields": "_get_log_group_fields"}
"""Operations that ministack implements and that read many events, so they run in a thread."""
QUERIED_EVENTS = 100_000
"""The most events that a query reads: ministack keeps those that match in memory."""
KEPT_QUERIES = 20
"""Queries whose results ministack keeps in memory."""
NO_LIVE_TAIL = ApiError(
    "InvalidOperationException",
    "not supported by the local CloudWatch Logs: StartLiveTail; call FilterLogEvents instead",
)
SLOW_QUERY = ApiError(
    "InvalidParameterException",
    "a regular expression of the query takes longer than a second on one event; make it simpler",
)

Response = tuple[int, dict[str, str], bytes]

log = logging.getLogger(__name__)


class LogService:
    """Serves requests for streams and events, and leaves the others to ministack."""

    def __init__(self, app: Any, module: Any, functions: Any, logs: ServedLogs) -> None:
        self._module = module
        self._functions = functions
        self._logs = logs
        self._environment = secrets.token_hex(16)
        self._operations = Operations(logs, self._has_group, module._make_group_arn_no_star)
        logs.on_group = self._ensure_group
        replace(app, "_load_persisted_state", self._then_add_groups(app._load_persisted_state))
        replace(module, "_delete_log_group", self._then_delete_streams(module._delete_log_group))
        replace(module, "_collect_query_records", self._records)
        replace(module, "_log_records", _Records(logs, self._record))
        replace(functions, "_emit_lambda_logs", self._write_function_log)

    def handle(self, _path: str, headers: Mapping[str, str], body: bytes) -> Response | None:
        """Serve one request, or return None for an operation of ministack."""
        operation = headers.get("x-amz-target", "").removeprefix(TARGET_PREFIX)
        request_id = {"x-amzn-requestid": str(uuid.uuid4())}
        try:
            if operation in self._operations.all:
                answer = self._call(operation, json_object(body))
                return 200, {"content-type": JSON_TYPE, **request_id}, json.dumps(answer).encode()
            if operation in QUERIES:
                return self._query(QUERIES[operation], json_object(body))
            if operation == "StartLiveTail":
                return rejection(NO_LIVE_TAIL, request_id)
        except ApiError as error:
            return rejection(error, request_id)
        except Exception as error:
            log.exception("%s failed", operation)
            internal = ApiError("ServiceUnavailableException", f"{type(error).__name__}: {error}", 500)
            return rejection(internal, request_id)
        return None

    def _call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        answer = self._operations.call(operation, request)
        if operation == "PutLogEvents":
            self._module._fanout_to_subscription_filters(
                request["logGroupName"], request["logStreamName"], request["logEvents"]
            )
        return answer

    def _query(self, function: str, request: dict[str, Any]) -> Response:
        try:
            status, headers, body = getattr(self._module, function)(request)
        except TimeoutError:
            raise SLOW_QUERY from None
        queries = self._module._queries
        for old in list(queries)[:-KEPT_QUERIES]:
            queries.pop(old, None)
        return status, headers, body if isinstance(body, bytes) else str(body).encode()

    def _has_group(self, name: str) -> bool:
        return name in self._module._log_groups

    def _ensure_group(self, name: str) -> None:
        if not self._has_group(name):
            self._module._create_log_group({"logGroupName": name})

    def _then_add_groups(self, load: Callable[[], None]) -> Callable[[], None]:
        """A kill can lose a group that was created since the last snapshot, but not its streams."""

        def load_and_add() -> None:
            load()
            for group in self._logs.groups():
                self._ensure_group(group)

        return load_and_add

    def _then_delete_streams(self, delete: Callable[[dict[str, Any]], Any]) -> Callable[..., Any]:
        def delete_group(request: dict[str, Any]) -> Any:
            for entry in self._logs.entries(request.get("logGroupName", "")):
                self._logs.delete(entry)
            return delete(request)

        return delete_group

    def _write_function_log(
        self,
        function: dict[str, Any],
        request_id: str,
        text: str,
        error: bool,  # noqa: ARG002 -- ministack's signature
        duration_ms: int,
        *,
        log_source: str | None = None,  # noqa: ARG002
    ) -> None:
        """Write what Lambda writes for an invocation (Lambda guide, "Log and monitor Python functions")."""
        config = function.get("config") or function
        version = config.get("Version", "$LATEST")
        group = config.get("LoggingConfig", {}).get("LogGroup") or f"/aws/lambda/{config['FunctionName']}"
        stream = time.strftime("%Y/%m/%d/", time.gmtime()) + f"[{version}]{self._environment}"
        memory, used = config.get("MemorySize", 128), self._functions._probe_peak_memory_mb(function)
        lines = [f"START RequestId: {request_id} Version: {version}", *text.splitlines()]
        lines.append(f"END RequestId: {request_id}")
        times = f"Duration: {duration_ms} ms\tBilled Duration: {duration_ms} ms"
        sizes = f"Memory Size: {memory} MB\tMax Memory Used: {used} MB"
        lines.append(f"REPORT RequestId: {request_id}\t{times}\t{sizes}")
        try:
            self._ensure_group(group)
            self._logs.append_lines(group, stream, lines)
            now = int(time.time() * 1000)
            events = [{"timestamp": now, "message": line} for line in lines]
            self._module._fanout_to_subscription_filters(group, stream, events)
        except Exception:  # an invocation must not fail because of its log
            log.exception("the log of %s could not be written", config.get("FunctionName"))

    def _records(self, groups: Sequence[str], start: float, end: float) -> _QueryRecords:
        return _QueryRecords(self._logs, self._record, groups, int(start) * 1000, int(end) * 1000)

    def _record(self, logged: LoggedEvent) -> dict[str, Any]:
        record: dict[str, Any] = self._module._build_log_record(
            ptr=pointer_of(logged),
            timestamp_ms=logged.event.time,
            message=logged.event.message,
            log_group=logged.entry.group,
            log_stream=logged.entry.name,
        )
        return record


class _QueryRecords:
    """The events of a query. Each iteration reads the files; they are not kept in memory."""

    def __init__(
        self,
        logs: ServedLogs,
        record: Callable[[LoggedEvent], dict[str, Any]],
        groups: Sequence[str],
        start: int,
        end: int,
    ) -> None:
        self._logs, self._record = logs, record
        self._groups, self._start, self._end = groups, start, end

    def __iter__(self) -> Iterator[dict[str, Any]]:
        entries = [entry for group in self._groups for entry in self._logs.entries(group)]
        for count, logged in enumerate(merged(self._logs, entries, self._start)):
            if logged.event.time > self._end:
                return
            if count >= QUERIED_EVENTS:
                message = f"The local CloudWatch Logs queries at most {QUERIED_EVENTS} events"
                raise ApiError("InvalidParameterException", f"{message}; choose a shorter time range")
            if logged.event.message:
                yield self._record(logged)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class _Records(dict[str, Any]):
    """ministack's table of events by pointer (`@ptr`). It is empty: a pointer says where to read."""

    def __init__(self, logs: ServedLogs, record: Callable[[LoggedEvent], dict[str, Any]]) -> None:
        super().__init__()
        self._logs, self._record = logs, record

    def get(self, pointer: str, default: Any = None) -> Any:
        try:
            group, _, name, start = tokens.decode(pointer)
        except (ValueError, TypeError):
            return default
        if entry := self._logs.find(group, name):
            for event in self._logs.events(entry).events(start):
                return self._record(LoggedEvent(entry, event))
        return default

    def __deepcopy__(self, _memo: dict[int, Any]) -> dict[str, Any]:
        return {}
