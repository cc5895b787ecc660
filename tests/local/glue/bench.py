"""A Glue service for tests, with the scripts and the data of its jobs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from tests.support.waiting import until

from sagemaker_local.state_folder import Server

ROLE = "arn:aws:iam::000000000000:role/stagewright-local-glue"
BUCKET = "stagewright-local"
SPARK_SKIPPED = "pyspark cannot be installed here"
ENDED = ("SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT")


@dataclass
class Bench:
    server: Server
    connect: Callable[[str], Any]
    prefix: str

    @property
    def glue(self) -> Any:
        return self.connect("glue")

    def put(self, name: str, body: str | bytes) -> str:
        key = f"{self.prefix}/{name}"
        data = body.encode() if isinstance(body, str) else body
        self.connect("s3").put_object(Bucket=BUCKET, Key=key, Body=data)
        return f"s3://{BUCKET}/{key}"

    def get(self, name: str) -> str:
        answer = self.connect("s3").get_object(Bucket=BUCKET, Key=f"{self.prefix}/{name}")
        return answer["Body"].read().decode()

    def job(self, script: str = "", *, runs: int = 5, **more: Any) -> str:
        """Creates a Python shell job of the test's own. `script` is the script's text."""
        place = self.put("script.py", script) if script else "s3://none/none.py"
        command = {"Name": "pythonshell", "PythonVersion": "3.9", "ScriptLocation": place}
        request = {
            "Name": self.prefix,
            "Role": ROLE,
            "Command": command,
            "ExecutionProperty": {"MaxConcurrentRuns": runs},
            **more,
        }
        return str(self.glue.create_job(**request)["Name"])

    def run(self, job: str, **more: Any) -> dict[str, Any]:
        """The run once it has ended."""
        return self.ended(job, self.glue.start_job_run(JobName=job, **more)["JobRunId"])

    def look(self, job: str, run: str) -> dict[str, Any]:
        return dict(self.glue.get_job_run(JobName=job, RunId=run)["JobRun"])

    def ended(self, job: str, run: str) -> dict[str, Any]:
        self.until(lambda: self.look(job, run)["JobRunState"] in ENDED)
        return self.look(job, run)

    def logged(self, group: str, run: str, text: str) -> list[str]:
        """The lines of a log stream, once `text` is one of them."""

        def lines() -> list[str]:
            found = self.connect("logs").filter_log_events(logGroupName=group, logStreamNames=[run])
            return [event["message"] for event in found["events"]]

        self.until(lambda: text in lines())
        return lines()

    until = staticmethod(until)


def pythons(state: Path, **named: str) -> Path:
    """A state directory whose local.toml names these Pythons."""
    state.mkdir(parents=True, exist_ok=True)
    lines = [f'"{alias.replace("_", "-")}" = "{python}"' for alias, python in named.items()]
    (state / "local.toml").write_text("\n".join(["[pythons]", *lines, ""]))
    return state


def client(server: Server, service: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=server.url,
        region_name="us-east-1",
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
        config=Config(retries={"total_max_attempts": 1}),
    )
