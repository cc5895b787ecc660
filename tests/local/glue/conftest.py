"""A server whose Python shell is the Python that runs the tests, and scripts put into its bucket."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from tests.support.cached_python import report_skipped
from tests.support.waiting import until

from sagemaker_local.state_folder import Server
from stagewright.local import server as local

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


@pytest.fixture(scope="session")
def own_pythons() -> dict[str, str]:
    return {"glue_pythonshell_3.9": sys.executable}


@pytest.fixture(scope="session")
def glue_server(
    tmp_path_factory: pytest.TempPathFactory, cache: Path, own_pythons: dict[str, str]
) -> Iterator[Server]:
    state = pythons(tmp_path_factory.mktemp("glue") / "state", **own_pythons)
    with ExitStack() as leases:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("STAGEWRIGHT_CACHE", str(cache))
            started = leases.enter_context(local.temporary(state))
        yield started


@pytest.fixture
def bench_of(request: pytest.FixtureRequest) -> Iterator[Callable[[Server], Bench]]:
    with ExitStack() as opened:

        def of(server: Server) -> Bench:
            made: dict[str, Any] = {}

            def connect(service: str) -> Any:
                if service not in made:
                    made[service] = opened.enter_context(closing(client(server, service)))
                return made[service]

            return Bench(server, connect, request.node.name.replace("[", "-").rstrip("]"))

        yield of


@pytest.fixture
def bench(glue_server: Server, bench_of: Callable[[Server], Bench]) -> Bench:
    return bench_of(glue_server)


def client(server: Server, service: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=server.url,
        region_name="us-east-1",
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
        config=Config(retries={"total_max_attempts": 1}),
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    report_skipped(terminalreporter, "NOT RUN WITH SPARK", SPARK_SKIPPED)
