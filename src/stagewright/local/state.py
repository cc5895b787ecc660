"""The state directory of a local server: its paths, its locks and the server's address."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from sagemaker_local.file_lock import is_locked, try_lock
from sagemaker_local.settings import Program
from sagemaker_local.state_folder import ACCOUNT, REGION, Server, StateFolder, write_private
from stagewright.errors import TargetError
from stagewright.local.program import STAGEWRIGHT
from stagewright.naming import Installation

BUCKET = "stagewright-local"
INSTALLATION = Installation(bucket=BUCKET, region=REGION, account=ACCOUNT)
PROGRESS = "progress"
"""Key of a starting server's message about its current step."""
OWNER_BYTES = 512
"""More than the owner of a state directory takes in its lock file."""
NEEDED_BYTES = 50 * 10**6
"""Enough for the start of a server and a few small runs."""


@dataclass(frozen=True)
class Owner:
    """The process that holds the state directory, the access key of what it starts, and its version."""

    pid: int
    access_key: str
    version: str


@dataclass(frozen=True)
class State(StateFolder):
    """The state directory of a local AWS. Its methods raise ServiceError."""

    program: Program = STAGEWRIGHT

    @property
    def log(self) -> Path:
        return self.root / "server.log"

    @property
    def services(self) -> Path:
        """Folder with the state of the AWS services, one JSON file each."""
        return self.root / "aws"

    @property
    def objects(self) -> Path:
        """Folder of S3's objects."""
        return self.root / "objects"

    @property
    def glue(self) -> Path:
        """Folder of Glue's jobs and job runs."""
        return self.root / "glue"

    @property
    def record(self) -> Path:
        """File with the format of the state."""
        return self.root / "state.json"

    @property
    def provisioned(self) -> Path:
        """File with the digest of the provisioned artifacts."""
        return self.root / "provisioned"

    @property
    def is_persistent(self) -> bool:
        """Whether the server stays up until `down`. A temporary server stops with its last user."""
        return (self.root / "persistent").exists()

    def set_persistent(self, persistent: bool) -> None:
        if persistent:
            write_private(self.root / "persistent", "", lasting=False)
        else:
            (self.root / "persistent").unlink(missing_ok=True)

    def mark_saved(self) -> None:
        """Record that the server saved everything before it stopped."""
        write_private(self.root / "saved", "", lasting=False)

    def take_saved(self) -> bool:
        """Return whether the last server saved everything, and delete the record of `mark_saved`."""
        is_saved = (self.root / "saved").exists()
        (self.root / "saved").unlink(missing_ok=True)
        return is_saved

    def mark_reconciled(self) -> None:
        """Record that the server stops without open runs."""
        write_private(self.root / "reconciled", "", lasting=False)

    def needs_reconcile(self) -> bool:
        """Return whether the last server left open runs, and delete the record of `mark_reconciled`."""
        try:
            (self.root / "reconciled").unlink()
        except FileNotFoundError:
            return True
        return False

    def require_space(self) -> None:
        """Raise TargetError if there is too little space to finish a run and record it."""
        free = shutil.disk_usage(self.root).free
        if free < NEEDED_BYTES:
            raise TargetError(
                f"Only {free // 10**6} MB are free for the state directory {self.root}, and a run needs "
                f"{NEEDED_BYTES // 10**6}",
                "free some space, or choose another directory with STAGEWRIGHT_STATE",
            )

    def fresh_temporary(self) -> Path:
        """Create an empty folder for temporary files.

        It can still contain files that processes of a killed server are writing.
        """
        folder = self.root / "tmp"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def announce(self, server: Server) -> None:
        """Write the address of a ready server."""
        data = {**asdict(server), "state": str(server.state)}
        write_private(self.root / "server.json", json.dumps(data), lasting=False)

    def withdraw(self) -> None:
        """Delete the address. One that stays is ignored, because its server does not hold the lock."""
        with suppress(OSError):
            (self.root / "server.json").unlink()

    def server(self) -> Server | None:
        """Return the ready server of this directory, or None. The address of a dead server is ignored.

        Raise ServiceError if another user could have written the address.
        """
        if not self.is_held():
            return None
        self.require_own()
        try:
            data = json.loads((self.root / "server.json").read_bytes())
            return Server(**{**data, "state": self.root})
        except (OSError, ValueError, TypeError):
            return None

    def claim(self, lock: int, owner: Owner | None) -> None:
        """Write into the held lock file who holds it. None: everything that the owner started has ended."""
        text = json.dumps(asdict(owner)) if owner else ""
        os.pwrite(lock, text.ljust(OWNER_BYTES).encode(), 0)  # one write: no kill can leave half of it

    def owner(self) -> Owner | None:
        """Return who holds the lock, or held it and was killed. None: a server stopped, or none ever ran."""
        try:
            return Owner(**json.loads(self._lock_file.read_bytes()))
        except (OSError, ValueError, TypeError):
            return None

    def acquire_lease(self) -> int:
        """Register a user of the server and return the descriptor of a shared lock.

        The system releases the lock when the process ends. Blocks while an unused server is stopping.
        """
        return self._lock_users(fcntl.LOCK_SH)

    def wait_until_unused(self) -> int:
        """Block until the server has no users, and return the descriptor of an exclusive lock.

        No new user can register while the server holds the lock.
        """
        return self._lock_users(fcntl.LOCK_EX)

    def release_lease(self, lease: int) -> bool | None:
        """Release a lease and return whether it was the last one.

        None: the server has already noticed that it has no users, and is stopping.
        """
        os.close(lease)
        probe = os.open(self.root / "users.lock", os.O_RDWR)
        try:
            if try_lock(probe, fcntl.LOCK_EX):
                return True
            return False if try_lock(probe, fcntl.LOCK_SH) else None
        finally:
            os.close(probe)

    def _lock_users(self, kind: int) -> int:
        lock = os.open(self.root / "users.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, kind)
        except BaseException:
            os.close(lock)
            raise
        return lock

    @property
    def runners(self) -> Path:
        """Folder with one locked file per process that lets the server start runs."""
        return self.root / "runners"

    def starts_runs(self) -> bool:
        """Return whether the server starts runs: it is persistent, or a process waits for them."""
        return self.is_persistent or any(is_locked(file) for file in self.runners.glob("*"))

    def let_runs_start(self) -> int:
        """Let the server start runs, until the returned descriptor is closed. Call it inside `exclusive`."""
        self.runners.mkdir(mode=0o700, exist_ok=True)
        for file in self.runners.iterdir():
            if not is_locked(file):
                file.unlink()
        lock = os.open(self.runners / secrets.token_hex(8), os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        return lock

    @contextmanager
    def exclusive(self, blocked: Callable[[], None] | None = None) -> Iterator[None]:
        """Run the block in one process at a time: starting and stopping exclude each other.

        `blocked` is called once if another process is in its block.
        """
        try:
            lock = os.open(self.root / "up.lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise self.unusable(error) from error
        try:
            if not try_lock(lock, fcntl.LOCK_EX):
                if blocked:
                    blocked()
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        except OSError as error:  # of another file of the directory
            raise self.unusable(error) from error
        finally:
            os.close(lock)
