"""The console script. Where a server was started with `up`, a process that has everything imported stands
by (warm.py) and does the command with this one's arguments, folder, environment and files; otherwise, and
for whatever cannot be handed over, the command runs here. What it does is the same either way.

Every import of this module is paid by every command, so it takes only what handing over needs.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import zlib
from types import FrameType

from stagewright.cli.state_path import state_path

HANDED_OVER = frozenset(
    (
        "run",
        "resume",
        "backfill",
        "push",
        "plan",
        "runs",
        "dlq",
        "show",
        "document",
        "set",
        "unset",
        "diff",
        "history",
        "rollback",
        "logs",
        "approvals",
        "approve",
        "reject",
        "stop",
        "endpoints",
        "predict",
        "validate",
        "env",
        "schema",
        "workflow",
    )
)
PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGWINCH)
FILES = (0, 1, 2)
NUMBER = 4
"""Bytes of each number on the connection."""


def main() -> None:
    try:
        arguments = sys.argv[1:]
        code = hand_over(arguments) if arguments and arguments[0] in HANDED_OVER else None
        if code is not None:
            sys.exit(code)
        try:
            from stagewright.cli import app
        except ModuleNotFoundError as error:
            sys.exit(f"error: {error.name} is not installed\n  try: pip install 'stagewright[all]'")
        app.main()
    except KeyboardInterrupt:  # while something was imported
        sys.exit(128 + signal.SIGINT)


def socket_path(state: str) -> str:
    """Of this very code under this very Python: a process that was started before an edit is not asked."""
    return os.path.join(state, f"commands-{_stamp():08x}.sock")  # noqa: PTH118


def hand_over(arguments: list[str]) -> int | None:
    """The exit code; None where nobody stands by."""
    streams = (sys.stdin, sys.stdout, sys.stderr)
    if None in streams:  # closed by whoever started this
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
            connection.connect(socket_path(state_path()))
            socket.send_fds(connection, [b"\n"], FILES)
            text = json.dumps(request).encode()
            connection.sendall(len(text).to_bytes(NUMBER, "big") + text)
            worker = int.from_bytes(connection.recv(NUMBER), "big")
        except (OSError, ValueError):
            return None
        return _wait(connection, worker) if worker else None


def _wait(connection: socket.socket, worker: int) -> int:
    """Signals are passed on; the worker ends, and answers, as it would have ended here."""

    def pass_on(number: int, _frame: FrameType | None) -> None:
        os.kill(worker, number)

    for number in PASSED_ON:
        if signal.getsignal(number) is not signal.SIG_IGN:  # a shell's background jobs ignore SIGINT
            signal.signal(number, pass_on)
    code = connection.recv(NUMBER)
    return int.from_bytes(code, "big") if code else 1


def _stamp() -> int:
    newest = 0
    source = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))  # noqa: PTH120
    for package in ("stagewright", "sagemaker_local"):
        for folder, _, files in os.walk(os.path.join(source, package)):  # noqa: PTH118
            for file in files:
                if file.endswith(".py"):
                    newest = max(newest, os.stat(os.path.join(folder, file)).st_mtime_ns)  # noqa: PTH116, PTH118
    return zlib.crc32(f"{sys.executable} {newest}".encode())
