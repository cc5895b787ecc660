"""A callback stage on the local target: another program gets the token from the queue and returns it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from tests.support import commands

from stagewright.local import server as local
from stagewright.local.state import INSTALLATION

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

DOCUMENT = """
name: labels
triggers: [{type: code}]
stages:
  label:
    kind: callback
    queue: labeling
    payload: {images: "s3://${bucket}/images/", limit: 3}
    timeout: 10m
    cache: false
  enough: {kind: gate, require: "${stages.label.metrics.labeled} >= 3"}
"""


class Place:
    """A folder with the document and a server, a queue, and `stagewright` in it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.server = folder, local.up(folder / "state")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "STAGEWRIGHT_"))}
        self.environment = {**kept, "STAGEWRIGHT_STATE": str(folder / "state")}
        (folder / "code").mkdir()
        (folder / "pipeline.yaml").write_text(DOCUMENT)
        self.queue = self.client("sqs").create_queue(QueueName="labeling")["QueueUrl"]

    def client(self, service: str) -> Any:
        return boto3.client(
            service, endpoint_url=self.server.url, aws_access_key_id=self.server.access_key,
            aws_secret_access_key=self.server.secret_key, region_name=INSTALLATION.region,
        )  # fmt: skip

    def json(self, *arguments: str) -> Any:
        done = commands.stagewright([*arguments, "--json"], self.folder, self.environment)
        return json.loads(done.stdout)

    def start(self) -> tuple[str, dict[str, Any]]:
        """The run, and the message that its stage sent."""
        run = self.json("run", "pipeline.yaml", "--no-wait")["run"]
        (message,) = self.client("sqs").receive_message(QueueUrl=self.queue, WaitTimeSeconds=20)["Messages"]
        self.client("sqs").delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        return run, json.loads(message["Body"])

    def ended(self, run: str) -> dict[str, Any]:
        for _ in range(300):
            record: dict[str, Any] = self.json("show", run)
            if record["status"] not in ("PLANNED", "RUNNING", "QUEUED"):
                return record
            time.sleep(0.2)
        raise AssertionError(record)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    made = Place(tmp_path_factory.mktemp("callback"))
    yield made
    local.down(made.folder / "state")


def test_returned_token_continues_the_run_with_its_output(place: Place) -> None:
    run, message = place.start()
    assert message["arguments"] == {"images": f"s3://{INSTALLATION.bucket}/images/", "limit": 3}
    assert (message["run"], message["stage"]) == (run, "label")
    output = json.dumps({"labeled": 3, "by": "people", "done": True, "more": [1]})
    place.client("stepfunctions").send_task_success(taskToken=message["token"], output=output)
    record = place.ended(run)
    assert record["status"] == "SUCCEEDED", record
    label = next(stage for stage in record["stages"] if stage["name"] == "label")
    assert label["metrics"] == {"labeled": 3}
    assert label["result"]["answer"] == {"by": "people", "done": "true"}


def test_failure_with_the_token_fails_the_stage(place: Place) -> None:
    run, message = place.start()
    place.client("stepfunctions").send_task_failure(
        taskToken=message["token"], error="Labels.Unclear", cause="the images are dark"
    )
    record = place.ended(run)
    label = next(stage for stage in record["stages"] if stage["name"] == "label")
    assert (record["status"], label["status"]) == ("FAILED", "FAILED")
    assert "the images are dark" in label["cause"]
