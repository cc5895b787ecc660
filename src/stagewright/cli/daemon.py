"""The command daemon: a process with everything imported that forks to run a command.

A short command spends most of its time on Python's imports and on botocore's service models. `stagewright up`
starts the daemon. main.py sends it a command. The daemon forks, and the child takes over the arguments,
folder, environment and open files of the command's process. The daemon itself runs no thread and opens no
connection, so that a fork is safe. It ends when the local server ends.
"""

from __future__ import annotations

import fcntl
import gc
import json
import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from sagemaker_local import state_folder
from sagemaker_local.shell_variables import for_server
from stagewright.api import target
from stagewright.cli import app, main
from stagewright.local import server as local
from stagewright.local.program import STAGEWRIGHT

MODULES = (
    "rich.console", "rich.live", "rich.table", "rich.text", "typer._adapters",
    "stagewright.api.download", "stagewright.api.launch", "stagewright.api.payloads",
    "stagewright.api.prediction", "stagewright.api.resuming", "stagewright.api.run_list",
    "stagewright.api.run_options", "stagewright.cli.common.live_view", "stagewright.cli.common.summary",
    "stagewright.cli.common.changes", "stagewright.runs.history.run_history",
    "stagewright.runs.documents.overrides",
    "stagewright.runs.plan_inputs.load", "stagewright.runs.releases.push", "stagewright.runs.stop",
    "stagewright.runs.requests", "stagewright.document.file",
)  # fmt: skip
"""Modules that commands import late. The daemon imports them before the first command arrives."""
CLIENTS = ("objects", "runs", "documents", "events", "executions", "jobs", "logs")
REQUEST_SECONDS = 5.0
EXIT_SECONDS = 5.0
"""How long `wait_for_exit` waits at most."""
LOCK = "commands.lock"
"""Every daemon holds a shared lock on this file until its process ends."""
POLL_SECONDS = 0.2
"""How often the daemon checks whether the server lives, on a system without pidfd_open."""


def start(server: state_folder.Server) -> None:
    """Start the daemon and return at once. Until it is ready, commands run in their own process."""
    if _answers(main.socket_path(str(server.state))):
        return
    log = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(server.state / "server.log"), log, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    command = [sys.executable, "-P", "-m", "stagewright.cli.daemon", str(server.state)]
    environment = for_server(os.environ, STAGEWRIGHT)
    os.posix_spawn(sys.executable, command, environment, file_actions=actions, setsid=True)


def wait_for_exit(state: Path) -> None:
    """Wait until the daemon of a server that was stopped has ended."""
    deadline = time.monotonic() + EXIT_SECONDS
    while _is_held(state / LOCK) and time.monotonic() < deadline:
        time.sleep(0.002)


def _is_held(lock: Path) -> bool:
    try:
        with lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        pass
    return False


def _answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as line:
        try:
            line.connect(path)
        except OSError:
            return False
    return True


def serve(state: Path) -> None:
    """Run commands until the server of `state` ends. Does not return in a child process."""
    server = local.find(state)
    if server is None:
        return
    path = main.socket_path(str(state))
    lock = os.open(state / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_SH)
    _prepare(server)
    with socket.socket(socket.AF_UNIX) as listener, suppress(OSError):  # path too long for a socket
        Path(path).unlink(missing_ok=True)
        os.umask(0o077)
        listener.bind(path)
        listener.listen(16)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        for connection in _connections(listener, server.pid):
            with connection:
                if main.is_own(connection) and os.fork() == 0:
                    os.close(lock)
                    listener.close()
                    _run_child(connection)
    Path(path).unlink(missing_ok=True)


def _prepare(server: state_folder.Server) -> None:
    commands = (row.module for row in app.TABLE if row.name not in main.IN_PROCESS)
    for name in (*MODULES, *commands):
        import_module(name)
    gateway = target.connect(server)
    for name in CLIENTS:
        getattr(gateway, name)
    gc.freeze()  # a collection in a child would copy every page


def _connections(listener: socket.socket, server: int) -> Iterator[socket.socket]:
    """Yield one connection per command until the server has ended."""
    end = _descriptor(server)
    sources: list[Any] = [listener] if end is None else [listener, end]
    while True:
        ready, _, _ = select.select(sources, [], [], POLL_SECONDS if end is None else None)
        if listener in ready:
            yield listener.accept()[0]
        elif ready or not _lives(server):
            return


def _descriptor(pid: int) -> int | None:
    """A descriptor that becomes readable when the process ends. None if the system has none."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _run_child(connection: socket.socket) -> NoReturn:
    """Run one command in the child process and send its exit code."""
    code = 1
    try:
        connection.settimeout(REQUEST_SECONDS)
        take_over(*_request(connection))
        connection.settimeout(None)
        connection.sendall(os.getpid().to_bytes(main.NUMBER, "big"))
        threading.Thread(target=_exit_with_client, args=(connection,), daemon=True, name="client").start()
        code = _run()
        connection.sendall(code.to_bytes(main.NUMBER, "big"))
    finally:
        os._exit(code)


def _request(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """Read a command and its open files. EOFError: the client only checked that the daemon answers."""
    start, files, _, _ = socket.recv_fds(connection, 1, len(main.FILES))
    if not start:
        raise EOFError
    stream = connection.makefile("rb")
    size = int.from_bytes(stream.read(main.NUMBER), "big")
    request: dict[str, Any] = json.loads(stream.read(size))
    return request, files


def take_over(request: dict[str, Any], files: list[int]) -> None:
    """Give this process the arguments, folder, environment, umask and open files of the client."""
    for number, file in zip(main.FILES, files, strict=True):
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    os.chdir(request["folder"])
    os.umask(request["umask"])
    sys.argv = [request["program"], *request["arguments"]]
    modes = ("r", "w", "w")
    sys.stdin, sys.stdout, sys.stderr = (
        open(number, mode, encoding=encoding, errors=errors, closefd=False)  # noqa: SIM115
        for number, mode, (encoding, errors) in zip(main.FILES, modes, request["encodings"], strict=True)
    )
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _exit_with_client(connection: socket.socket) -> None:
    """End this process when the client was killed."""
    with suppress(OSError):
        connection.recv(1)
    os._exit(1)


def _run() -> int:
    try:
        app.main()
        code: object = 0
    except SystemExit as exit_:
        code = exit_.code
    except KeyboardInterrupt:
        code = 128 + signal.SIGINT
    with suppress(OSError):  # the reader of the output has exited
        sys.stdout.flush()
        sys.stderr.flush()
    return code if isinstance(code, int) else int(code is not None)


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
