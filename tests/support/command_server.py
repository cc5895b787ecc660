"""Run `stagewright` commands in forks of one process that has imported the command line.

Imports and botocore's service models take most of a command's time. The process loads them once for all
tests of a worker. Each command still is a process of its own, with the arguments, folder, environment and
streams that a shell would give it. Tests of the process itself (signals, terminals, imports) start Python.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from tests.support.waiting import PATIENCE

ROOT = Path(__file__).parents[2]
NUMBER = 8
"""Bytes of each number on the connection."""


def run(
    arguments: Sequence[str], folder: Path, environment: Mapping[str, str], stdin: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run one command to its end, as `subprocess.run` does. Captures both streams as text."""
    with ExitStack() as opened:
        connection = opened.enter_context(socket.socket(socket.AF_UNIX))
        connection.connect(_address())
        connection.settimeout(PATIENCE)
        read_in, write_in = os.pipe()
        read_out, write_out = os.pipe()
        read_err, write_err = os.pipe()
        request = {"arguments": list(arguments), "folder": str(folder), "environment": dict(environment)}
        socket.send_fds(connection, [b"\n"], [read_in, write_out, write_err])
        for descriptor in (read_in, write_out, write_err):
            os.close(descriptor)
        text = json.dumps(request).encode()
        connection.sendall(len(text).to_bytes(NUMBER, "big") + text)
        output = _Reader(read_out), _Reader(read_err)
        with suppress(BrokenPipeError), os.fdopen(write_in, "w", encoding="utf-8") as writer:
            writer.write(stdin or "")
        out, err = (reader.text() for reader in output)
        answer = connection.recv(NUMBER)
    code = int.from_bytes(answer, "big", signed=True) if answer else -signal.SIGKILL
    return subprocess.CompletedProcess(list(arguments), code, out, err)


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
        assert not self.is_alive(), "the command still holds its output"
        return self._data.decode()


@cache
def _address() -> str:
    """The socket of this worker's server, which starts with the first command and ends with the worker."""
    folder = tempfile.TemporaryDirectory(prefix="commands-")
    address = f"{folder.name}/socket"
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "STAGEWRIGHT_"))}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.command_server", address],
        cwd=ROOT, env=inherited, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout
    with process.stdout:
        assert process.stdout.readline() == b"ready\n"
    process.stdout = None
    _SERVERS.append((process, folder))
    return address


_SERVERS: list[tuple[subprocess.Popen[bytes], tempfile.TemporaryDirectory[str]]] = []


def pytest_sessionfinish() -> None:
    """End this worker's server, if a command started one."""
    for process, folder in _SERVERS:
        assert process.stdin
        process.stdin.close()
        process.wait(PATIENCE)
        folder.cleanup()
    _SERVERS.clear()
    _address.cache_clear()


def serve(address: str) -> None:
    """Run commands until standard input ends. Does not return in a child process."""
    _load()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(16)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        os.write(1, b"ready\n")
        while listener in select.select([listener, 0], [], [])[0]:
            connection, _ = listener.accept()
            with connection:
                if os.fork() == 0:
                    listener.close()
                    _run_child(connection)


def _load() -> None:
    """Import every command, and make the clients once, which reads the service models."""
    from sagemaker_local.state_folder import Server
    from stagewright.cli import app, daemon
    from stagewright.cli.common import target

    for module in (*daemon.MODULES, *(row.module for row in app.TABLE)):
        import_module(module)
    gateway = target.connect(Server("http://127.0.0.1:9", "key", "secret", os.getpid(), ROOT))
    for client in daemon.CLIENTS:
        getattr(gateway, client)
    gc.freeze()  # a collection in a child would copy every page


def _run_child(connection: socket.socket) -> NoReturn:
    """Be the command that the connection asks for, and report its exit code."""
    code = 1
    try:
        _, files, _, _ = socket.recv_fds(connection, 1, 3)
        stream = connection.makefile("rb")
        request = json.loads(stream.read(int.from_bytes(stream.read(NUMBER), "big")))
        _become(request, files)
        code = _exit_code()
        sys.stdout.flush()
        sys.stderr.flush()
        connection.sendall(code.to_bytes(NUMBER, "big", signed=True))
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _become(request: dict[str, Any], files: list[int]) -> None:
    """Take over the arguments, folder, environment and streams of a command."""
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    os.chdir(request["folder"])
    sys.argv = ["stagewright", *request["arguments"]]
    sys.stdin, sys.stdout, sys.stderr = (
        os.fdopen(number, mode, encoding="utf-8", errors=errors, closefd=False)
        for number, (mode, errors) in enumerate([("r", "strict"), ("w", "strict"), ("w", "backslashreplace")])
    )
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _exit_code() -> int:
    """Run the command as the console script does."""
    from stagewright.cli import app

    try:
        app.main()
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except KeyboardInterrupt:
        return -signal.SIGINT
    return 0


if __name__ == "__main__":
    serve(sys.argv[1])
