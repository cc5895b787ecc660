"""The HTTP server: one process, one model, keep-alive connections."""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
import traceback
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingMixIn, UnixStreamServer

from .content import Answer
from .handlers import EndedOnImportError, Handlers, handlers_of
from .xgboost_algorithm import Algorithm


class Worker:
    """The handlers behind a lock.

    If a request takes longer than SAGEMAKER_MODEL_SERVER_TIMEOUT (60 s), the process exits, as a gunicorn
    worker does. The service then starts another.
    """

    def __init__(self, handlers: Handlers | Algorithm, timeout: float) -> None:
        self._handlers = handlers
        self._timeout = timeout
        self._lock = threading.Lock()
        self._since: float | None = None
        threading.Thread(target=self._watch, daemon=True).start()

    def invoke(self, body: bytes, content_type: str, accept: str) -> Answer:
        with self._lock:
            self._since = time.monotonic()
            try:
                return self._handlers.invoke(body, content_type, accept)
            finally:
                self._since = None

    def _watch(self) -> None:
        while True:
            time.sleep(min(0.5, self._timeout / 4))
            since = self._since
            if since is not None and time.monotonic() - since > self._timeout:
                log(f"[CRITICAL] WORKER TIMEOUT: an invocation took longer than {self._timeout:g} s")
                os._exit(1)


class Request(BaseHTTPRequestHandler):
    """Sends head and body in one write."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    worker: Worker

    def do_GET(self) -> None:
        self._send(Answer(b"", "application/json") if self.path == "/ping" else NOT_FOUND)

    def do_POST(self) -> None:
        body = self._read()
        if self.path != "/invocations":
            return self._send(NOT_FOUND)
        content_type, accept = self.headers.get("Content-Type", ""), self.headers.get("Accept", "")
        return self._send(self.worker.invoke(body, content_type, accept))

    def _read(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class's name
        """Log nothing per request: access lines would bury the script's own output."""


NOT_FOUND = Answer(b"{}", "application/json", 404)


class Server(ThreadingMixIn, UnixStreamServer):
    """Listens at a path. The mode of its folder decides who can connect."""

    daemon_threads = True
    request_queue_size = 128


def log(message: str) -> None:
    print(message, file=sys.stderr, flush=True)  # noqa: T201 -- the container's log is its output


def main(arguments: list[str]) -> int:
    """Load the model, listen at the path `--socket` and serve until killed.

    Returns 1, with the traceback in the log, if the script or its model cannot be loaded.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--framework", required=True)
    parser.add_argument("--socket", required=True)
    parser.add_argument("--packages", action="append", default=[])
    options = parser.parse_args(arguments)
    sys.path += options.packages
    try:
        handlers = handlers_of(options.framework)
    except EndedOnImportError as error:
        log(str(error))
        return 1
    except Exception:
        log(traceback.format_exc())
        return 1
    Request.worker = Worker(handlers, float(os.environ.get("SAGEMAKER_MODEL_SERVER_TIMEOUT", "60")))
    Server(options.socket, Request).serve_forever()
    return 0
