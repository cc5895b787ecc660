"""Logs of jobs and endpoints: files, and CloudWatch Logs if the endpoint has it."""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from sagemaker_local.session import session
from sagemaker_local.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_logs.type_defs import InputLogEventTypeDef

EVENT_BYTES = 256 * 1024 - 26
BATCH_EVENTS = 5_000
BATCH_BYTES = 900_000
"""Limits of PutLogEvents (API reference): 256 KB per event, 10,000 events and 1 MB per call, with 26 bytes of
overhead per event."""
GATHER_SECONDS = 0.05
CLOSE_SECONDS = 5.0
TAIL_LINES = 40

log = logging.getLogger(__name__)
Line = tuple[str, str, int, str]


class LogStream:
    """One log stream. `tail` has the last lines that the job itself wrote. Lines have no line ends."""

    def __init__(self, logs: Logs, group: str, name: str, file: Path) -> None:
        self.group = group
        self.name = name
        self._logs = logs
        self._file = file.open("ab", buffering=0)
        self._lock = threading.Lock()
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)

    def write(self, text: str) -> None:
        """Write a line of the job's output."""
        self.tail.append(text)
        self.note(text)

    def note(self, text: str) -> None:
        """Write a line of this service."""
        with self._lock:
            if not self._file.closed:
                with contextlib.suppress(OSError):  # with a full disk, the job's output must still be read
                    self._file.write(text.encode("utf-8", "replace") + b"\n")
        self._logs.send(self.group, self.name, text)

    def close(self) -> None:
        with self._lock:
            self._file.close()


class Logs:
    """Sends log lines in a background thread, so that no job waits. Stops if there is no log service."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lines: queue.SimpleQueue[Line | None] = queue.SimpleQueue()
        self._created: set[tuple[str, str]] = set()
        self._stopped = False
        self._thread = threading.Thread(target=self._deliver, name="logs", daemon=True)
        self._thread.start()

    def open(self, group: str, name: str, file: Path) -> LogStream:
        file.parent.mkdir(parents=True, exist_ok=True)
        return LogStream(self, group, name, file)

    def send(self, group: str, stream: str, text: str) -> None:
        # CloudWatch Logs rejects an empty message.
        if not self._stopped and text:
            self._lines.put((group, stream, int(time.time() * 1000), text))

    def close(self) -> None:
        """Send the remaining lines, for at most CLOSE_SECONDS."""
        self._lines.put(None)
        self._thread.join(CLOSE_SECONDS)

    def _deliver(self) -> None:
        client: CloudWatchLogsClient | None = None
        more = True
        while more:
            lines, more = self._gather()
            try:
                client = client or self._connect()
                for (group, stream), events in _batches(lines):
                    self._put(client, group, stream, events)
            except (ClientError, BotoCoreError) as error:
                log.warning("no CloudWatch Logs at %s, so logs stay in files: %s", self._settings.url, error)
                self._stopped = True
                more = False
        if client is not None:
            client.close()

    def _gather(self) -> tuple[list[Line], bool]:
        """Wait for a line and collect more for GATHER_SECONDS. False after the last line."""
        lines: list[Line] = []
        item = self._lines.get()
        end = time.monotonic() + GATHER_SECONDS
        while item is not None:
            lines.append(item)
            if len(lines) >= BATCH_EVENTS:
                return lines, True
            try:
                item = self._lines.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                return lines, True
        return lines, False

    def _put(
        self, client: CloudWatchLogsClient, group: str, stream: str, events: list[InputLogEventTypeDef]
    ) -> None:
        if (group, stream) not in self._created:
            _create(client.create_log_group, logGroupName=group)
            _create(client.create_log_stream, logGroupName=group, logStreamName=stream)
            self._created.add((group, stream))
        client.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)

    def _connect(self) -> CloudWatchLogsClient:
        config = Config(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 2}, proxies={})
        return session(self._settings).client("logs", endpoint_url=self._settings.url, config=config)


def _batches(lines: list[Line]) -> list[tuple[tuple[str, str], list[InputLogEventTypeDef]]]:
    """Batches of lines by stream, in order, within the limits of one PutLogEvents call."""
    batches: list[tuple[tuple[str, str], list[InputLogEventTypeDef]]] = []
    open_batches: dict[tuple[str, str], tuple[list[InputLogEventTypeDef], int]] = {}
    for group, stream, time_ms, text in lines:
        message = text.encode("utf-8", "replace")[:EVENT_BYTES].decode("utf-8", "ignore")
        size = len(message.encode()) + 26
        events, used = open_batches.get((group, stream), ([], BATCH_BYTES))
        if used + size > BATCH_BYTES:
            events, used = [], 0
            batches.append(((group, stream), events))
        events.append({"timestamp": time_ms, "message": message})
        open_batches[group, stream] = (events, used + size)
    return batches


def _create(operation: Any, **arguments: str) -> None:
    try:
        operation(**arguments)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceAlreadyExistsException":
            raise
