"""Each push starts one run, even if the code repeats or its event is delivered several times."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from tests.support import commands
from tests.support.waiting import until

from sagemaker_local import state_folder
from sagemaker_local.credentials import environment
from stagewright.local import server as local
from stagewright.local.state import INSTALLATION

pytestmark = pytest.mark.e2e

DOCUMENT = """\
name: pushed
defaults: {image: sklearn-1.4, instance_type: ml.m5.large}
triggers: [{type: code}]
stages:
  only: {kind: processing, code: only.py, outputs: [made]}
"""
SCRIPT = 'open("/opt/ml/processing/output/made/file", "w").write("made")\n'
QUEUED = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")


class Work:
    """A folder with a pipeline, and the commands that someone works with there."""

    def __init__(self, folder: Path, server: state_folder.Server) -> None:
        self.folder, self.server = folder, server
        (folder / "pipeline.yaml").write_text(DOCUMENT)
        self.script = folder / "code" / "only.py"
        self.script.parent.mkdir()
        self.script.write_text(SCRIPT)
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "STAGEWRIGHT_"))}
        self.environment = inherited | {"STAGEWRIGHT_STATE": str(server.state)}
        variables = environment(server)
        self.session = boto3.Session(
            variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"], region_name="us-east-1"
        )

    def client(self, service: str) -> Any:
        return self.session.client(service, endpoint_url=self.server.url)

    def json(self, *arguments: str) -> Any:
        done = commands.stagewright([*arguments, "--json"], self.folder, self.environment)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def push(self) -> str | None:
        """The run that this push started, once it is over."""
        run: str | None = self.json("push", ".")["run"]
        until(lambda: run is None or self.json("show", run)["status"] == "SUCCEEDED")
        return run

    def executions(self) -> list[str]:
        machine = INSTALLATION.state_machine_arn
        found = self.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
        return [each["name"] for each in found]

    def manifests(self) -> list[str]:
        """Versions, oldest first."""
        found = self.client("s3").list_object_versions(
            Bucket=INSTALLATION.bucket, Prefix="manifests/pushed.json"
        )
        return [each["VersionId"] for each in reversed(found["Versions"])]

    def manifest(self) -> bytes:
        bucket = INSTALLATION.bucket
        body: bytes = self.client("s3").get_object(Bucket=bucket, Key="manifests/pushed.json")["Body"].read()
        return body

    def deliver(self, version: str, times: int) -> None:
        """S3's event of this manifest, as EventBridge writes it; returns when the queue is empty."""
        place = INSTALLATION
        detail = {
            "version": "0",
            "bucket": {"name": place.bucket},
            "object": {"key": "manifests/pushed.json", "version-id": version, "size": 1, "etag": "e"},
            "reason": "PutObject",
        }
        event = {"version": "0", "id": "i", "source": "aws.s3", "detail-type": "Object Created"}
        event |= {"time": "2026-01-31T14:00:00Z", "region": place.region, "detail": detail}
        sqs = self.client("sqs")
        url = sqs.get_queue_url(QueueName=place.name("events"))["QueueUrl"]
        for _ in range(times):
            sqs.send_message(QueueUrl=url, MessageBody=json.dumps(event))
        until(lambda: set(self.queued(url).values()) == {"0"})

    def queued(self, url: str) -> dict[str, str]:
        found = self.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=list(QUEUED))
        return found["Attributes"]


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Work]:
    state = tmp_path_factory.mktemp("state")
    # The script needs the standard library only, so no environment has to be built.
    (state / "local.toml").write_text(f'[pythons]\n"sklearn-1.4" = "{sys.executable}"\n')
    server = local.up(state)
    yield Work(tmp_path_factory.mktemp("pushed"), server)
    local.down(state)


@pytest.mark.slow
def test_push_change_and_revert_start_three_runs(work: Work) -> None:
    runs = [work.push()]
    work.script.write_text(SCRIPT + "# a line more\n")
    runs.append(work.push())
    work.script.write_text(SCRIPT)
    runs.append(work.push())
    assert len(set(runs) - {None}) == 3
    assert [run["run"] for run in work.json("runs", "pushed")] == list(reversed(runs))
    assert sorted(work.executions()) == sorted(filter(None, runs))
    assert len(work.manifests()) == 3
    actions = [work.json("show", run)["stages"][0]["action"] for run in filter(None, runs)]
    assert actions == ["run", "run", "reuse"]
    assert work.push() is None
    assert len(work.json("runs", "pushed")) == 3


def test_redelivered_event_starts_no_second_run(work: Work) -> None:
    work.script.write_text(SCRIPT + "# delivered five times\n")
    run = work.push()
    before = work.executions()
    assert run in before
    work.deliver(work.manifests()[-1], times=5)
    assert work.executions() == before
    assert [found["run"] for found in work.json("runs", "pushed")].count(run) == 1


def test_new_event_delivered_five_times_starts_one_run(work: Work) -> None:
    """The rule is disabled while the manifest is written, so no earlier delivery is handled."""
    events, rule = work.client("events"), INSTALLATION.name("release")
    before = len(work.executions())
    events.disable_rule(Name=rule)
    try:
        body = json.dumps(json.loads(work.manifest()) | {"commit": "five"}).encode()
        bucket = INSTALLATION.bucket
        work.client("s3").put_object(Bucket=bucket, Key="manifests/pushed.json", Body=body)
    finally:
        events.enable_rule(Name=rule)
    work.deliver(work.manifests()[-1], times=5)
    until(lambda: len(work.executions()) > before)  # the run before may have to end first
    assert len(work.executions()) == before + 1
    assert len(work.json("runs", "pushed")) == before + 1
