"""Unix sockets between the service and its model servers.

A TCP port on loopback is open to every user of the machine and, through DNS rebinding, to web pages. A Unix
socket in a folder that only this user can enter is open to neither.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import tempfile
import threading
from http.client import HTTPConnection
from pathlib import Path

PATH_BYTES = 103
"""The longest path of a Unix socket on macOS (sys/un.h). Linux allows 107 (unix(7))."""
NAME_BYTES = 8


class SocketFolder:
    """The folder of a service's sockets, created with the first one. Only this user can enter it.

    It is `sockets` in the service's folder, or a folder for temporary files if that path is too long for a
    socket. Thread-safe.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.Lock()
        self._folder: Path | None = None

    def path(self) -> Path:
        """A path for one socket. No file exists there."""
        with self._lock:
            self._folder = self._folder or _private_folder(self._root / "sockets")
            return self._folder / secrets.token_hex(NAME_BYTES // 2)

    def close(self) -> None:
        """Delete the folder."""
        with self._lock:
            if self._folder is not None:
                shutil.rmtree(self._folder, ignore_errors=True)
                self._folder = None


def _private_folder(folder: Path) -> Path:
    folder = folder.absolute()
    if len(os.fsencode(folder)) + 1 + NAME_BYTES > PATH_BYTES:
        return Path(tempfile.mkdtemp(prefix="sagemaker-local-", dir="/tmp"))  # TMPDIR may be long, too
    shutil.rmtree(folder, ignore_errors=True)  # sockets of a service that was killed
    folder.mkdir(parents=True, mode=0o700)
    return folder


class UnixConnection(HTTPConnection):
    """An HTTP connection to a Unix socket. `timeout` is in seconds."""

    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connected.settimeout(self.timeout)
            connected.connect(str(self._path))
        except OSError:
            connected.close()
            raise
        self.sock = connected
