"""A real local server, and the settings that unmodified AWS clients need to reach it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from tests.sagemaker_local.clients.account import BUCKET, IMAGE, TOOLKIT_IMAGE, Account
from tests.support.cached_python import folder_of, python_with, report_skipped

from sagemaker_local.credentials import for_user
from sagemaker_local.settings import Program
from sagemaker_local.shell_variables import for_server
from sagemaker_local.state_folder import Server
from stagewright.local import server as local

HERE = Path(__file__).parent
REQUIREMENTS = HERE / "requirements"
SKIPPED = "AWS's own package cannot be installed"
NOWHERE = "http://127.0.0.1:9"
DRIVER_SECONDS = 300

Connect = Callable[..., Any]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """With the images `plain-python` (the Python of the tests) and `with-toolkit` (where it is built)."""
    state = tmp_path_factory.mktemp("state")
    toolkit = folder_of(REQUIREMENTS / "toolkit.txt") / "bin/python"
    (state / "local.toml").write_text(
        f'[pythons]\n"{IMAGE}" = "{sys.executable}"\n"{TOOLKIT_IMAGE}" = "{toolkit}"\n'
    )
    with local.temporary(state) as borrowed:
        yield borrowed


@pytest.fixture(scope="session")
def connect(server: Server) -> Iterator[Connect]:
    """`connect("s3")`: plain boto3."""
    with ExitStack() as opened:

        def client(service: str, **more: Any) -> Any:
            return opened.enter_context(
                closing(
                    boto3.client(
                        service,
                        endpoint_url=server.url,
                        region_name="us-east-1",
                        aws_access_key_id=server.access_key,
                        aws_secret_access_key=server.secret_key,
                        config=Config(retries={"total_max_attempts": 1}, **more),
                    )
                )
            )

        yield client


@pytest.fixture(scope="session")
def sagemaker(connect: Connect) -> Any:
    return connect("sagemaker")


@pytest.fixture(scope="session")
def unchecked(connect: Connect) -> Any:
    """A SageMaker client that sends what is incomplete, too."""
    return connect("sagemaker", parameter_validation=False)


@pytest.fixture(scope="session")
def account(sagemaker: Any, bucket: Bucket) -> Account:
    return Account(sagemaker, bucket)


@dataclass(frozen=True)
class Bucket:
    s3: Any

    def uri(self, key: str) -> str:
        return f"s3://{BUCKET}/{key}"

    def put(self, key: str, body: bytes | str) -> str:
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=body.encode() if isinstance(body, str) else body)
        return self.uri(key)

    def read(self, uri: str) -> bytes:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        body: bytes = self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return body

    def archive(self, uri: str) -> dict[str, bytes]:
        with tarfile.open(fileobj=BytesIO(self.read(uri))) as tar:
            return {member.name: tar.extractfile(member).read() for member in tar if member.isfile()}

    def put_archive(self, key: str, **files: str) -> str:
        """A tarball; `train_py` is the file train.py."""
        buffer = BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
            for name, text in files.items():
                member = tarfile.TarInfo(".".join(name.rsplit("_", 1)))
                member.size = len(text.encode())
                tar.addfile(member, BytesIO(text.encode()))
        return self.put(key, buffer.getvalue())


@pytest.fixture(scope="session")
def bucket(connect: Connect) -> Bucket:
    s3 = connect("s3")
    s3.create_bucket(Bucket=BUCKET)
    return Bucket(s3)


@pytest.fixture(scope="session")
def sdk2_python() -> Path:
    return python_with(REQUIREMENTS / "sdk2.txt", SKIPPED)


@pytest.fixture(scope="session")
def sdk3_python() -> Path:
    return python_with(REQUIREMENTS / "sdk3.txt", SKIPPED)


@pytest.fixture(scope="session")
def toolkit_python() -> Path:
    """It has a part in C, which no index has built."""
    built = folder_of(REQUIREMENTS / "toolkit.txt") / "bin/python"
    if not built.exists() and not (shutil.which("cc") or shutil.which("gcc")):
        pytest.skip(f"{SKIPPED}: sagemaker-training needs a C compiler (gcc)")
    return python_with(REQUIREMENTS / "toolkit.txt", SKIPPED)


@pytest.fixture(scope="session")
def drive(
    server: Server, bucket: Bucket, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Path, str], dict[str, Any]]:
    """`drive(python, "sdk2.py")`: runs a driver, which finds the server by its environment; what it wrote."""

    def run(python: Path, driver: str) -> dict[str, Any]:
        home = tmp_path_factory.mktemp("home")
        answers = home / "answers.json"
        done = subprocess.run(
            [str(python), str(HERE / "drivers" / driver), str(answers)],
            env=surroundings(server, home),
            cwd=home,
            capture_output=True,
            text=True,
            check=False,
            timeout=DRIVER_SECONDS,
        )
        assert answers.exists(), done.stdout + done.stderr
        loaded: dict[str, Any] = json.loads(answers.read_text())
        return loaded

    return run


def surroundings(server: Server, home: Path) -> dict[str, str]:
    """What `stagewright env` prints, and a network where every address but this machine's fails at once."""
    proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), NOWHERE)
    return {
        **for_server({"PATH": os.environ["PATH"], "HOME": str(home), **proxies}, Program()),
        **for_user(server),
        "CLIENTS_IMAGE": IMAGE,
    }


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    report_skipped(terminalreporter, "NOT RUN WITH AWS'S OWN CLIENTS", SKIPPED)


@pytest.fixture
def answer(answers: dict[str, Any]) -> Callable[[str], Any]:
    """`answer("fit")`: what that step of the driver of the module's `answers` found out."""

    def of(step: str) -> Any:
        assert "error" not in answers[step], answers[step]["error"]
        return answers[step]

    return of
