"""The console script. It sends a command to the command daemon if one runs, else runs it in this process.

`stagewright up` starts the daemon (daemon.py), a process in which everything is imported already. It runs the
command with the arguments, folder, environment and open files of this process. The result is the same.

Every command pays for what this module imports, so it imports only what sending a command needs.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import zlib
from types import FrameType

from stagewright.local.state_path import state_path

IN_PROCESS = frozenset(
    ("new", "init", "demo", "convert", "import", "script", "promote", "up", "down", "sagemaker", "doctor")
)
"""Commands that always run in their own process. The command daemon can run every other command."""
FORWARDED_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGWINCH)
FILES = (0, 1, 2)
NUMBER = 4
"""Length in bytes of a number on the connection."""


def main() -> None:
    try:
        arguments = sys.argv[1:]
        code = run_in_daemon(arguments) if daemon_can_run(arguments) else None
        if code is not None:
            sys.exit(code)
        try:
            from stagewright.cli import app
        except ModuleNotFoundError as error:
            sys.exit(f"error: {error.name} is not installed\n  try: pip install 'stagewright[all]'")
        app.main()
    except KeyboardInterrupt:  # during an import
        sys.exit(128 + signal.SIGINT)


def daemon_can_run(arguments: list[str]) -> bool:
    return bool(arguments) and not arguments[0].startswith("-") and arguments[0] not in IN_PROCESS


def socket_path(state: str) -> str:
    """Path of the daemon's socket. The name depends on the Python interpreter and on the newest source file,
    so that a daemon that runs older code receives no commands.
    """
    return os.path.join(state, f"commands-{_stamp():08x}.sock")  # noqa: PTH118


def run_in_daemon(arguments: list[str]) -> int | None:
    """Run the command in the daemon and return its exit code, or None if no daemon of this user answers.

    The daemon gets the whole environment, so another user's socket is never used.
    """
    streams = (sys.stdin, sys.stdout, sys.stderr)
    if None in streams:  # the parent process closed it
        return None
    os.umask(umask := os.umask(0o077))
    request = {
        "program": sys.argv[0],
        "arguments": arguments,
        "folder": os.getcwd(),  # noqa: PTH109
        "environment": dict(os.environ),
        "encodings": [(stream.encoding, stream.errors) for stream in streams],
        "umask": umask,
    }
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            path = socket_path(state_path())
            if os.lstat(path).st_uid != os.geteuid():
                return None
            connection.connect(path)
            if not is_own(connection):  # it would receive this process's environment and files
                return None
            socket.send_fds(connection, [b"\n"], FILES)
            text = json.dumps(request).encode()
            connection.sendall(len(text).to_bytes(NUMBER, "big") + text)
            worker = int.from_bytes(connection.recv(NUMBER), "big")
        except (OSError, ValueError):
            return None
        return _wait(connection, worker) if worker else None


def is_own(connection: socket.socket) -> bool:
    """Whether the process at the other end is this user's (SO_PEERCRED, unix(7)). On a system without
    SO_PEERCRED, the owner of the socket's file decides."""
    if not hasattr(socket, "SO_PEERCRED"):
        return True
    process_user_group = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 3 * NUMBER)
    return int.from_bytes(process_user_group[NUMBER : 2 * NUMBER], sys.byteorder) == os.geteuid()


def _wait(connection: socket.socket, worker: int) -> int:
    """Return the worker's exit code. Signals that arrive meanwhile are forwarded to the worker."""

    def forward(number: int, _frame: FrameType | None) -> None:
        os.kill(worker, number)

    for number in FORWARDED_SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # a shell's background jobs ignore SIGINT
            signal.signal(number, forward)
    code = connection.recv(NUMBER)
    return int.from_bytes(code, "big") if code else 1


def _stamp() -> int:
    """CRC of the interpreter's path and the modification time of the newest source file."""
    newest = 0
    source = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))  # noqa: PTH120
    for package in ("stagewright", "sagemaker_local"):
        for folder, _, files in os.walk(os.path.join(source, package)):  # noqa: PTH118
            for file in files:
                if file.endswith(".py"):
                    newest = max(newest, os.stat(os.path.join(folder, file)).st_mtime_ns)  # noqa: PTH116, PTH118
    return zlib.crc32(f"{sys.executable} {newest}".encode())
