"""One model server: its process, its health check and its requests."""

from __future__ import annotations

import contextlib
import select
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, IncompleteRead
from pathlib import Path

from sagemaker_local.http.unix_sockets import UnixConnection
from sagemaker_local.logs.lines import events_of
from sagemaker_local.sandbox.launcher import Process

INVOCATION_SECONDS = 60.0
"""A container must respond within 60 seconds (InvokeEndpoint, API reference)."""
PING_SECONDS = 2.0
"""The timeout of one health check (developer guide, Custom Inference Code with Hosting Services)."""
STARTUP_SECONDS = 480
"""The default time for the first successful health check: eight minutes (same page)."""
PINGS = 3
"""How many health checks in a row must fail before a process is killed: a busy machine may miss one."""
TERMINATE_SECONDS = 2.0
POLL_SECONDS = 0.02
REPLY_LIMIT = 1 << 30
"""Bytes of a response. A script can return any number, and the service keeps a response in memory."""
LAST_LINES = 20
LINE_CHARACTERS = 4096


class StartError(Exception):
    """A model server did not become healthy. The message is the last line of its output."""


class TimedOutError(Exception):
    """The container did not respond in time."""


class LostError(Exception):
    """The process ended, or closed the connection, while it responded."""


class NotSentError(LostError):
    """The process ended before it had received the request, so another can handle it."""


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Launch:
    """How to start a worker's process. `start` starts it, and it listens at `socket`.

    Its output goes to `log` event by event. `log` returns the text.
    """

    start: Callable[[], Process]
    socket: Path
    log: Callable[[bytes], str]
    close: Callable[[], None]
    """Called once, when no further process will start."""
    startup_seconds: float = STARTUP_SECONDS


class Worker:
    """A process that is started on first use and restarted if it has ended. Thread-safe."""

    def __init__(self, launch: Launch) -> None:
        self._launch = launch
        self._starting = threading.Lock()
        self._closed = False
        self._process: Process | None = None
        self._reader: threading.Thread | None = None
        self._idle: deque[HTTPConnection] = deque()
        self._lines: deque[str] = deque(maxlen=LAST_LINES)

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.running

    def start(self) -> None:
        """Start the process and wait until it is healthy. StartError, with no process left, if it does not
        become so."""
        with self._starting:
            if self._closed:
                raise StartError("the endpoint was closed")
            if self._process is not None and self._process.running:
                return
            self._close_idle()
            self._launch.socket.unlink(missing_ok=True)
            self._process = process = self._launch.start()
            self._reader = threading.Thread(
                target=self._read_output, args=(process,), name="model-log", daemon=True
            )
            self._reader.start()
            if not self._healthy(process):
                process.kill()
                self._reader.join()
                raise StartError(self._lines[-1] if self._lines else "its process wrote nothing")

    def check(self) -> None:
        """Restart a started process that has ended or is not healthy. StartError.

        Call it while no request is in progress.
        """
        process = self._process
        if process is None or self._closed:
            return
        if not (process.running and any(self._pings() for _ in range(PINGS))):
            self._end(process)
            self.start()

    def exchange(self, body: bytes, headers: Mapping[str, str], timeout: float = INVOCATION_SECONDS) -> Reply:
        """POST /invocations over a kept connection. StartError, TimedOutError, NotSentError, LostError."""
        connection, process = self._connection(timeout), self._process
        self._send(connection, process, body, headers)
        try:
            response = connection.getresponse()
            reply = _reply(response)
        except TimeoutError as error:
            connection.close()
            raise TimedOutError from error
        except (OSError, HTTPException) as error:
            connection.close()
            # The server responds even if a script fails, so it is ending.
            self._end(process)
            raise LostError(str(error)) from error
        self._idle.append(connection)
        return reply

    def get(self, path: str) -> Reply:
        """A GET request outside of the invocations. OSError, HTTPException."""
        connection = UnixConnection(self._launch.socket, PING_SECONDS)
        try:
            connection.request("GET", path)
            return _reply(connection.getresponse())
        finally:
            connection.close()

    def close(self) -> None:
        """Kill the process. It is not started again."""
        self._closed = True
        with self._starting:
            process = self._process
        if process is not None:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(TERMINATE_SECONDS)
            process.kill()
        if self._reader is not None:
            self._reader.join()
        self._launch.close()
        self._launch.socket.unlink(missing_ok=True)
        self._close_idle()

    def _close_idle(self) -> None:
        while self._idle:
            self._idle.pop().close()

    def _send(
        self, connection: HTTPConnection, process: Process | None, body: bytes, headers: Mapping[str, str]
    ) -> None:
        try:
            connection.request("POST", "/invocations", body, dict(headers))
        except TimeoutError as error:
            connection.close()
            raise TimedOutError from error
        except OSError as error:
            connection.close()
            self._end(process)
            # A server reads the whole request before the script sees any of it.
            raise NotSentError(str(error)) from error

    def _healthy(self, process: Process) -> bool:
        end = time.monotonic() + self._launch.startup_seconds
        while process.running and not self._closed and time.monotonic() < end:
            if self._launch.socket.exists() and self._pings():
                return True
            time.sleep(POLL_SECONDS)
        return False

    def _pings(self) -> bool:
        connection = UnixConnection(self._launch.socket, PING_SECONDS)
        try:
            connection.request("GET", "/ping")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()

    def _connection(self, timeout: float) -> HTTPConnection:
        """A kept connection that the server has not closed, or a new one."""
        self.start()
        while self._idle:
            with contextlib.suppress(IndexError):
                kept = self._idle.pop()
                if kept.sock is not None and not select.select([kept.sock], [], [], 0)[0]:
                    kept.sock.settimeout(timeout)
                    return kept
                kept.close()
        return self._connected(timeout) or self._reconnected(timeout)

    def _reconnected(self, timeout: float) -> HTTPConnection:
        """Restart the server, which rejects connections because it has ended."""
        self._end(self._process)
        self.start()
        connection = self._connected(timeout)
        if connection is None:
            raise NotSentError("it rejects connections")
        return connection

    def _connected(self, timeout: float) -> HTTPConnection | None:
        connection = UnixConnection(self._launch.socket, timeout)
        try:
            connection.connect()
        except OSError:
            connection.close()
            return None
        return connection

    def _end(self, process: Process | None) -> None:
        """Kill this process, unless another thread has already replaced it."""
        with self._starting:
            if process is not None and process is self._process:
                process.kill()

    def _read_output(self, process: Process) -> None:
        with process.output:
            for event in events_of(process.output):
                line = self._launch.log(event)
                if line.strip():
                    self._lines.append(line[:LINE_CHARACTERS])


def _reply(response: HTTPResponse) -> Reply:
    """The whole response. HTTPException if its body is cut off, or larger than REPLY_LIMIT."""
    body = response.read(REPLY_LIMIT + 1)
    if len(body) > REPLY_LIMIT:
        raise HTTPException(f"its response has more than {REPLY_LIMIT:,} bytes")
    if response.length:  # the rest, which `read` with a number does not wait for
        raise IncompleteRead(body, response.length)
    return Reply(response.status, _lower(response), body)


def _lower(response: HTTPResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in response.getheaders()}
