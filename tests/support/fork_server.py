"""Run Python programs in forks of one process that has imported what they need.

Imports take most of the time of a short program. Each program still is a process of its own, with the
arguments, folder, environment and streams that a shell would give it.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tests.support.fork_process import NUMBER, READY
from tests.support.waiting import PATIENCE

ROOT = Path(__file__).parents[2]
PROCESS = Path(__file__).with_name("fork_process.py")
_SERVERS: list[ForkServer] = []


class ForkServer:
    """A process of `python` that has run the code `preload`. It starts with the first program."""

    def __init__(self, python: str | Path, preload: str, environment: Mapping[str, str]) -> None:
        self._command = [str(python), str(PROCESS)]
        self._preload, self._environment = preload, dict(environment)
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def run(
        self,
        program: str | Path,
        arguments: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        stdin: str | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program to its end, as `subprocess.run` does, and capture its streams as text.

        `program`: code as a string, or the path of a script.
        """
        is_script = isinstance(program, Path)
        request = {
            "script": str(program) if is_script else "",
            "code": "" if is_script else program,
            "arguments": list(arguments),
            "folder": str(folder),
            "environment": dict(environment),
        }
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(PATIENCE)
            connection.connect(self._address())
            out, err = _exchange(connection, json.dumps(request).encode(), stdin or "")
            answer = connection.recv(NUMBER)
        code = int.from_bytes(answer, "big", signed=True) if answer else -signal.SIGKILL
        return subprocess.CompletedProcess(list(arguments), code, out, err)

    def close(self) -> None:
        """End the process if it was started."""
        if self._folder:
            assert self._process.stdin
            self._process.stdin.close()
            self._process.wait(PATIENCE)
            self._folder.cleanup()
            self._folder = None

    def _address(self) -> str:
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="forks-")
            self._process = self._start(self._folder.name)
            _SERVERS.append(self)
        return f"{self._folder.name}/socket"

    def _start(self, folder: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [*self._command, f"{folder}/socket", self._preload],
            cwd=ROOT, env=self._environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout
        with process.stdout as output:
            assert output.readline() == READY
        return process


def _exchange(connection: socket.socket, request: bytes, stdin: str) -> tuple[str, str]:
    """Send a request with the program's streams. Return its whole output and error output."""
    read_in, write_in = os.pipe()
    read_out, write_out = os.pipe()
    read_err, write_err = os.pipe()
    socket.send_fds(connection, [b"\n"], [read_in, write_out, write_err])
    for descriptor in (read_in, write_out, write_err):
        os.close(descriptor)
    readers = _Reader(read_out), _Reader(read_err)
    connection.sendall(len(request).to_bytes(NUMBER, "big") + request)
    with suppress(BrokenPipeError), os.fdopen(write_in, "w", encoding="utf-8") as writer:
        writer.write(stdin)
    out, err = (reader.text() for reader in readers)
    return out, err


class _Reader(threading.Thread):
    """Reads a pipe to its end."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(daemon=True)
        self._descriptor, self._data = descriptor, b""
        self.start()

    def run(self) -> None:
        with os.fdopen(self._descriptor, "rb") as pipe:
            self._data = pipe.read()

    def text(self) -> str:
        self.join(PATIENCE)
        assert not self.is_alive(), "the program still holds its output"
        return self._data.decode()


def pytest_sessionfinish() -> None:
    for server in _SERVERS:
        server.close()
