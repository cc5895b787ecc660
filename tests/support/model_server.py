"""A model server in a process of its own, without the service."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support.waiting import PATIENCE

import sagemaker_local.model_servers
from sagemaker_local.http.unix_sockets import SocketFolder, UnixConnection
from sagemaker_local.images.stand_ins import stand_ins

SERVE = Path(sagemaker_local.model_servers.__file__).with_name("serve")


class Server:
    def __init__(self, process: subprocess.Popen[bytes], log: Path, path: Path) -> None:
        self.process, self.log = process, log
        self.connection = UnixConnection(path, PATIENCE)

    def accepts_connections(self) -> bool:
        try:
            self.connection.connect()
        except OSError:
            return False
        return True

    def post(self, body: bytes | str, **headers: str) -> tuple[int, str, str]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.connection.request("POST", "/invocations", body, named)
        answer = self.connection.getresponse()
        return answer.status, answer.headers["Content-Type"], answer.read().decode()

    def get(self, path: str) -> int:
        self.connection.request("GET", path)
        answer = self.connection.getresponse()
        answer.read()
        return answer.status


Start = Callable[..., Server]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """`start(script, framework, program, python, **environment)`: a server that serves, or has ended."""
    started: list[Server] = []
    folder = SocketFolder(tmp_path)

    def start(
        script: str | dict[str, str],
        framework: str = "inference",
        program: str = "inference.py",
        python: str | Path = sys.executable,
        **env: str,
    ) -> Server:
        code = tmp_path / "model/code"
        code.mkdir(parents=True, exist_ok=True)
        for name, text in ({program: script} if isinstance(script, str) else script).items():
            (code / name).write_text(text)
        log, path = tmp_path / "log", folder.path()
        settings = {
            "PATH": os.environ["PATH"],
            "SAGEMAKER_BASE_DIR": str(tmp_path),
            "SAGEMAKER_PROGRAM": program,
            "SAGEMAKER_SUBMIT_DIRECTORY": str(code),
            **env,
        }
        command = [str(python), str(SERVE), "--framework", framework, "--socket", str(path)]
        command += [f"--packages={folder}" for folder in stand_ins(framework)]
        with log.open("wb") as output:
            process = subprocess.Popen(command, env=settings, stdout=output, stderr=output)
        server = Server(process, log, path)
        while process.poll() is None and not server.accepts_connections():
            time.sleep(0.01)
        started.append(server)
        return server

    yield start
    for server in started:
        server.connection.close()
        server.process.kill()
        server.process.wait()
    folder.close()
