"""The three functions from the committed archive, with what Lambda has and nothing else."""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from stagewright.installation.artifacts import FOLDER
from stagewright.installation.functions import ARCHIVE, RECORDER, ROUTER, SWEEPER
from stagewright.installation.state_machine import definition_digest

HERE = Path(__file__).parent


class EmptyAws(BaseHTTPRequestHandler):
    """DynamoDB without items, S3 without objects, queues that take all. `asked` are the operations."""

    asked: list[str]

    def do_POST(self) -> None:
        self.asked.append(self.headers["X-Amz-Target"])
        self.rfile.read(int(self.headers["Content-Length"]))
        queue = {"QueueUrl": f"http://{self.headers['Host']}/queue", "Successful": [], "Failed": []}
        self.answer("application/x-amz-json-1.0", json.dumps({"Items": [], "Count": 0, **queue}).encode())

    def do_GET(self) -> None:
        self.asked.append("S3")
        self.answer("application/xml", b"<ListBucketResult/>")

    def answer(self, kind: str, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def asked() -> list[str]:
    return []


@pytest.fixture
def address(asked) -> Iterator[str]:
    handler = type("Handler", (EmptyAws,), {"asked": asked})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def invoke(python, address, tmp_path):
    """`invoke((function, event), ...)`: in one process; what the handlers answered, and what it logged."""
    with zipfile.ZipFile(FOLDER / ARCHIVE) as archive:
        archive.extractall(tmp_path)

    def call(*calls):
        events = json.dumps([[function.handler, event] for function, event in calls])
        target = tmp_path / "outcome.json"
        command = [str(python), "-I", str(HERE / "invoke.py"), str(tmp_path), events, str(target)]
        done = subprocess.run(
            command, env=environment(address), capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, done.stderr
        return json.loads(target.read_text()), done.stdout

    return call


def environment(address: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "STAGEWRIGHT_BUCKET": "bucket",
        "STAGEWRIGHT_PREFIX": "stagewright",
        "STAGEWRIGHT_ENVIRONMENT": "test",
        "STAGEWRIGHT_ACCOUNT": "000000000000",
        "STAGEWRIGHT_DEFINITION": definition_digest(),
        "POWERTOOLS_SERVICE_NAME": "stagewright",
        "POWERTOOLS_LOG_LEVEL": "INFO",
    }


MALFORMED = {"Records": [{"messageId": "m1", "body": "{}"}, {"messageId": "m2", "body": "no JSON"}]}
FOREIGN = {"detail": {"executionArn": "arn:aws:states:us-east-1:000000000000:execution:other:unknown"}}


def test_router_sends_malformed_messages_to_the_dead_letters_with_a_reason(invoke, asked):
    outcome, log = invoke((ROUTER, MALFORMED))
    assert outcome["answers"] == [{"batchItemFailures": []}]
    lines = [json.loads(line) for line in log.splitlines()]
    assert [(line["message"], line["message_id"]) for line in lines] == [
        ("malformed message", "m1"),
        ("malformed message", "m2"),
    ]
    assert asked == ["AmazonSQS.GetQueueUrl", *["AmazonSQS.SendMessageBatch"] * 2]


def test_recorder_reads_the_run_and_ignores_foreign_executions(invoke, asked):
    outcome, log = invoke((RECORDER, FOREIGN))
    assert outcome["answers"] == [{"status": "unchanged"}]
    assert json.loads(log)["message"] == "execution without a run"
    assert asked == ["DynamoDB_20120810.GetItem"]


def test_recorder_fails_on_an_event_without_an_execution(invoke, asked):
    outcome, _ = invoke((RECORDER, {"detail": {}}))
    assert outcome["answers"] == [{"error": "KeyError", "message": "'executionArn'"}]
    assert asked == []


def test_sweeper_checks_manifests_and_open_runs(invoke, asked):
    outcome, _ = invoke((SWEEPER, {}))
    assert outcome["answers"] == [{"repairs": 0}]
    assert {"S3", "DynamoDB_20120810.Query"} <= set(asked)


def test_environment_has_only_packages_of_lambda(invoke, tmp_path):
    outcome, _ = invoke((ROUTER, MALFORMED))
    listed = (HERE / "requirements.txt").read_text()
    assert outcome["installed"] == dict(re.findall(r"^([a-z0-9-]+)==(\S+)$", listed, re.MULTILINE))
    assert outcome["package"] == str(tmp_path / "stagewright" / "__init__.py")
