"""The state folder of a local service: its lock, its key and its port."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import secrets
import threading
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from sagemaker_local.errors import ServiceError
from sagemaker_local.file_lock import is_locked, try_lock
from sagemaker_local.private_folder import close_to_others, require_own
from sagemaker_local.settings import Program

REGION = "us-east-1"
ACCOUNT = "000000000000"
PROBE_SECONDS = 1.0
"""How long `hold` retries: a process that only checks the lock holds it for an instant."""


@dataclass(frozen=True)
class Identity:
    """The key and port of a state folder. They survive restarts, so that exported variables stay valid."""

    access_key: str
    secret_key: str
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@dataclass(frozen=True)
class Server:
    """A running local server. `pid` is the leader of its process group."""

    url: str
    access_key: str
    secret_key: str
    pid: int
    state: Path


def write_private(file: Path, text: str, lasting: bool = True) -> None:
    """Write a file atomically. Only this user can read it. OSError: the earlier file is unchanged.

    The file survives a power failure, unless it is not `lasting`.
    """
    temporary = file.with_name(f".{file.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(text)
            if lasting:
                stream.flush()
                os.fsync(descriptor)
        temporary.replace(file)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    if lasting:
        sync(file.parent)


def sync(path: Path) -> None:
    """Write a file, or the names in a folder, to the disk (fsync(2))."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def new_key() -> tuple[str, str]:
    """Return a random access key and its secret key."""
    return f"LOCAL{secrets.token_hex(8).upper()}", secrets.token_urlsafe(30)


def _identity(fields: dict[str, Any]) -> Identity:
    """ValueError or TypeError: the fields are not those of an identity."""
    identity = Identity(**fields)
    is_port = isinstance(identity.port, int) and 0 <= identity.port < 65_536
    keys = (identity.access_key, identity.secret_key)
    if not is_port or not all(isinstance(key, str) and key for key in keys):
        raise ValueError("not an identity")
    return identity


@dataclass(frozen=True)
class StateFolder:
    """The folder of one service. Only one process at a time serves from it."""

    root: Path
    program: Program = field(default_factory=Program)

    def create(self) -> None:
        """Create the folder. Git ignores it, because it holds a key. Only this user can enter it.

        ServiceError if it cannot be created, or if other users could have put files there.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
            if self._is_empty():
                close_to_others(self.root)
            self.require_own()
            if self.identity_file.exists() or (self.root / "local.toml").exists():
                close_to_others(self.root)  # any other folder is not this program's
            if not (self.root / ".gitignore").exists():
                write_private(self.root / ".gitignore", "*\n")
        except OSError as error:
            raise self.unusable(error) from error

    def require_own(self) -> None:
        """ServiceError if other users could have put files into the folder."""
        require_own(self.root, self.program.folder_hint)

    def _is_empty(self) -> bool:
        """Whether the folder is this user's and empty, so that no other user has put files there."""
        return self.root.stat().st_uid == os.geteuid() and not any(self.root.iterdir())

    def unusable(self, error: OSError) -> ServiceError:
        """The error to raise when the system rejects an operation on the folder."""
        if error.errno == errno.ENOSPC:
            message = f"No space is left for the state directory {self.root}"
            return ServiceError(message, "free some space, then try again")
        file = error.filename if error.filename and Path(error.filename) != self.root else ""
        part = f" ({file})" if file else ""
        message = f"The state directory {self.root} cannot be used: {error.strerror}{part}"
        return ServiceError(message, self.program.folder_hint)

    @property
    def identity_file(self) -> Path:
        return self.root / "identity.json"

    def identity(self) -> Identity:
        """The key and port; a new key is made on first use. ServiceError if the file is damaged."""
        file = self.identity_file
        if file.exists():
            try:
                close_to_others(file)
                return _identity(json.loads(file.read_text()))
            except (ValueError, TypeError, OSError):
                remedy = "move the file away; clients then need the new key"
                raise ServiceError(f"{file} holds no server's address and key", remedy) from None
        identity = Identity(*new_key())
        write_private(file, json.dumps(asdict(identity)))
        return identity

    def remember_port(self, port: int) -> None:
        identity = self.identity()
        if identity.port != port:
            write_private(self.identity_file, json.dumps(asdict(replace(identity, port=port))))

    @property
    def _lock_file(self) -> Path:
        return self.root / "server.lock"

    def hold(self) -> int:
        """Take the lock and return its descriptor. ServiceError if another process holds it."""
        lock = os.open(self._lock_file, os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + PROBE_SECONDS
        while not try_lock(lock, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                os.close(lock)
                message = f"Another server already runs for {self.root}"
                raise ServiceError(message, self.program.stop_hint)
            time.sleep(0.01)
        return lock

    def is_held(self) -> bool:
        """Whether a process serves from this folder."""
        try:
            return is_locked(self._lock_file)
        except OSError:
            return False
