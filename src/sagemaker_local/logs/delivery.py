"""Delivery of log streams to CloudWatch Logs, if the endpoint has it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from sagemaker_local.logs.log_file import LogEvent
from sagemaker_local.logs.log_stream import Logs, LogStream
from sagemaker_local.session import session
from sagemaker_local.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_logs.type_defs import InputLogEventTypeDef

BATCH_EVENTS = 5_000
BATCH_BYTES = 900_000
"""PutLogEvents takes 10,000 events and 1 MB per call, with 26 bytes of overhead per event (API reference)."""
OVERHEAD = 26
GATHER_SECONDS = 0.05
CLOSE_SECONDS = 5.0

log = logging.getLogger(__name__)


class DeliveredLogs(Logs):
    """Sends log events in a background thread. Stops if there is no log service.

    The files are the queue: the thread remembers how far it has read each stream, so that neither a job nor
    the memory waits for the log service.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._settings = settings
        self._positions: dict[LogStream, int] = {}
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._closing = False
        self._stopped = False
        self._thread = threading.Thread(target=self._deliver, name="logs", daemon=True)
        self._thread.start()

    def written(self, stream: LogStream) -> None:
        with self._lock:
            if not self._stopped:
                self._positions.setdefault(stream, 0)
        self._wake.set()

    def close(self) -> None:
        """Send the remaining events, for at most CLOSE_SECONDS."""
        self._closing = True
        self._wake.set()
        self._thread.join(CLOSE_SECONDS)

    def _deliver(self) -> None:
        client: CloudWatchLogsClient | None = None
        try:
            closing = False
            while not closing:
                self._wake.wait()
                self._wake.clear()
                closing = self._closing
                time.sleep(0 if closing else GATHER_SECONDS)
                if self._positions:
                    client = client or self._connect()
                    self._send_all(client)
        except (ClientError, BotoCoreError) as error:
            log.warning("no CloudWatch Logs at %s, so logs stay in files: %s", self._settings.url, error)
            with self._lock:
                self._stopped = True
                self._positions.clear()
        if client is not None:
            client.close()

    def _send_all(self, client: CloudWatchLogsClient) -> None:
        with self._lock:
            positions = dict(self._positions)
        for stream, position in positions.items():
            is_last = not stream.users
            self._send(client, stream, position)
            if is_last:
                with self._lock:
                    del self._positions[stream]

    def _send(self, client: CloudWatchLogsClient, stream: LogStream, position: int) -> None:
        """Send the events of a stream after a position. CloudWatch Logs rejects empty messages."""
        group, name = stream.group, stream.name
        if not position:
            _create(client.create_log_group, logGroupName=group)
            _create(client.create_log_stream, logGroupName=group, logStreamName=name)
        for batch in _batches(stream.read().events(position)):
            events: list[InputLogEventTypeDef] = [
                {"timestamp": event.time, "message": event.message} for event in batch if event.message
            ]
            if events:
                client.put_log_events(logGroupName=group, logStreamName=name, logEvents=events)
            self._positions[stream] = batch[-1].end

    def _connect(self) -> CloudWatchLogsClient:
        config = Config(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 2}, proxies={})
        return session(self._settings).client("logs", endpoint_url=self._settings.url, config=config)


def _batches(events: Iterator[LogEvent]) -> Iterator[list[LogEvent]]:
    """Yield batches within the limits of one PutLogEvents call, as they are read."""
    batch: list[LogEvent] = []
    used = 0
    for event in events:
        size = len(event.message.encode()) + OVERHEAD
        if batch and (used + size > BATCH_BYTES or len(batch) == BATCH_EVENTS):
            yield batch
            batch, used = [], 0
        batch.append(event)
        used += size
    if batch:
        yield batch


def _create(operation: Any, **arguments: str) -> None:
    try:
        operation(**arguments)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceAlreadyExistsException":
            raise
