from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import UnixStreamServer
from typing import Any

import pytest

from sagemaker_local.http.unix_sockets import SocketFolder
from sagemaker_local.model_servers.serving import Launch, Worker
from sagemaker_local.transform.execution_parameters import ExecutionParameters, decide, fetch, variables


class Idle:
    """The process of a model server that the test itself serves."""

    pid, running = 0, True

    def __init__(self) -> None:
        self.output = io.BytesIO()

    def kill(self) -> None:
        self.running = False

    terminate = kill

    def wait(self, _seconds: float | None = None) -> int:
        return 0


@pytest.fixture
def worker_of(tmp_path: Path) -> Iterator[Callable[[int, bytes], Worker]]:
    """A started worker whose server answers GET /execution-parameters with this status and body."""
    folder = SocketFolder(tmp_path)
    opened: list[tuple[Worker, UnixStreamServer, threading.Thread]] = []

    def of(status: int, body: bytes) -> Worker:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked = self.path == "/execution-parameters"
                answer = body if asked else b""
                self.send_response(status if asked else 200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_arguments: object) -> None:  # type: ignore[override]
                pass

        path = folder.path()

        def start() -> Any:
            server = UnixStreamServer(str(path), Handler)
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            opened.append((worker, server, thread))
            return Idle()

        worker = Worker(Launch(start, path, lambda _line: None, lambda: None))
        worker.start()
        return worker

    yield of
    for worker, server, thread in opened:
        worker.close()
        server.shutdown()
        server.server_close()
        thread.join()
    folder.close()


ANSWER = {"MaxConcurrentTransforms": 8, "BatchStrategy": "SINGLE_RECORD", "MaxPayloadInMB": 3}


def test_container_parameters_are_used(worker_of: Callable[[int, bytes], Worker]) -> None:
    offered = fetch(worker_of(200, json.dumps(ANSWER).encode()))
    assert decide({}, offered) == ExecutionParameters(8, 3, "SingleRecord")


@pytest.mark.parametrize(
    ("status", "body"),
    [(404, b"{}"), (500, b"oops"), (200, b"oops"), (200, b"[]"), (200, b"\xff"), (200, b"[" * 100_000)],
)
def test_invalid_container_parameters_leave_the_defaults(
    worker_of: Callable[[int, bytes], Worker], status: int, body: bytes
) -> None:
    assert decide({}, fetch(worker_of(status, body))) == ExecutionParameters(1, 6, "MultiRecord")


def test_request_parameters_win_except_zero_concurrent_transforms() -> None:
    given = {"MaxConcurrentTransforms": 2, "MaxPayloadInMB": 0, "BatchStrategy": "MultiRecord"}
    assert decide(given, ANSWER) == ExecutionParameters(2, 0, "MultiRecord")
    assert decide({"MaxConcurrentTransforms": 0}, ANSWER).concurrent == 8


@pytest.mark.parametrize("wrong", [0, 101, -1, "8", 2.5, None])
def test_container_parameters_out_of_range_are_ignored(wrong: Any) -> None:
    assert decide({}, {"MaxConcurrentTransforms": wrong}).concurrent == 1


def test_container_variables() -> None:
    assert variables({}) == {"SAGEMAKER_BATCH": "true"}
    assert variables(
        {"MaxPayloadInMB": 0, "MaxConcurrentTransforms": 0, "BatchStrategy": "SingleRecord"}
    ) == {
        "SAGEMAKER_BATCH": "true",
        "SAGEMAKER_BATCH_STRATEGY": "SINGLE_RECORD",
        "SAGEMAKER_MAX_PAYLOAD_IN_MB": "0",
    }
