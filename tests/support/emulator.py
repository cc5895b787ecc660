"""A ministack in a process of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.waiting import PATIENCE, until

PORTS = 5
"""Between the choice of a free port and its use somebody else may take it: so many are tried."""
Command = Callable[[int], list[str]]


@contextmanager
def serving(folder: Path, command: Command | None = None, **settings: str) -> Iterator[str]:
    """Its URL, for a block. `command`: what to run for a port, if not ministack alone."""
    log = folder / "ministack.log"
    for _ in range(PORTS):
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        process = _started(port, command or (lambda _: [sys.executable, "-m", "ministack"]), log, settings)
        try:
            until(lambda process=process, url=url: process.poll() is not None or _answers(url))
            if process.poll() is None:
                yield url
                return
        finally:
            process.kill()
            process.wait()
    raise AssertionError(f"ministack does not start:\n{log.read_text()[-3000:]}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _started(port: int, command: Command, log: Path, settings: dict[str, str]) -> subprocess.Popen[bytes]:
    own = {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "PERSIST_STATE": "0",
        "HOME": str(log.parent),
        "TMPDIR": str(log.parent),
    }
    with log.open("ab") as output:
        return subprocess.Popen(
            command(port), env=os.environ | own | settings, stdout=output, stderr=output, cwd=log.parent
        )


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/_ministack/health", timeout=PATIENCE):
            return True
    except urllib.error.HTTPError as error:
        error.close()
        return True
    except OSError:
        return False
