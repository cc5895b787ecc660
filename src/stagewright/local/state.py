"""The state directory of a local server: what lies where, who holds it, and the server's address."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
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
NEEDED_BYTES = 50 * 10**6
"""What a server writes when it starts, and a few small runs."""


@dataclass(frozen=True)
class State(StateFolder):
    """The state directory of a local AWS: paths, locks and notes. Its methods raise ServiceError."""

    program: Program = STAGEWRIGHT

    @property
    def log(self) -> Path:
        return self.root / "server.log"

    @property
    def services(self) -> Path:
        """State of the AWS services, a JSON file each."""
        return self.root / "aws"

    @property
    def objects(self) -> Path:
        """S3's objects."""
        return self.root / "objects"

    @property
    def glue(self) -> Path:
        """Glue's jobs and their runs."""
        return self.root / "glue"

    @property
    def provisioned(self) -> Path:
        return self.root / "provisioned"

    @property
    def lasting(self) -> bool:
        """Whether the server stays until it is told to go; otherwise it goes with its last user."""
        return (self.root / "lasting").exists()

    def set_lasting(self, lasting: bool) -> None:
        if lasting:
            write_private(self.root / "lasting", "")
        else:
            (self.root / "lasting").unlink(missing_ok=True)

    def settle(self) -> None:
        """Notes that the server which ends now left nothing unfinished."""
        write_private(self.root / "settled", "")

    def unsettle(self) -> bool:
        """Takes that note away; false where there was none."""
        try:
            (self.root / "settled").unlink()
        except FileNotFoundError:
            return False
        return True

    def require_space(self) -> None:
        """TargetError where so little is free that a run would end in the middle, and its record with it."""
        free = shutil.disk_usage(self.root).free
        if free < NEEDED_BYTES:
            raise TargetError(
                f"Only {free // 10**6} MB are free for the state directory {self.root}, and a run needs "
                f"{NEEDED_BYTES // 10**6}",
                "free some space, or choose another directory with STAGEWRIGHT_STATE",
            )

    def fresh_temporary(self) -> Path:
        """A folder for temporary files: what a killed server left in it is gone, but for what its last
        processes are writing just now."""
        folder = self.root / "tmp"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def announce(self, server: Server) -> None:
        data = {**asdict(server), "state": str(server.state)}
        write_private(self.root / "server.json", json.dumps(data))

    def withdraw(self) -> None:
        (self.root / "server.json").unlink(missing_ok=True)

    def server(self) -> Server | None:
        """The server that holds this directory and is ready; what a dead one left behind does not count."""
        if not self.is_held():
            return None
        try:
            data = json.loads((self.root / "server.json").read_text())
        except (FileNotFoundError, ValueError):
            return None
        return Server(**{**data, "state": self.root})

    def use(self) -> int:
        """A lease on the server: the descriptor of a lock that users share. The system frees it when its
        process ends, however it ends. Waits where a server that nobody used is just leaving."""
        return self._users(fcntl.LOCK_SH)

    def outlive_users(self) -> int:
        """For the server: waits until nobody uses it. As long as it then holds the lock, nobody can."""
        return self._users(fcntl.LOCK_EX)

    def is_last_use(self, lease: int) -> bool | None:
        """Gives up a lease. None where the server has noticed first that nobody is left, and is leaving."""
        os.close(lease)
        probe = os.open(self.root / "users.lock", os.O_RDWR)
        try:
            if try_lock(probe, fcntl.LOCK_EX):
                return True
            return False if try_lock(probe, fcntl.LOCK_SH) else None
        finally:
            os.close(probe)

    def _users(self, kind: int) -> int:
        lock = os.open(self.root / "users.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, kind)
        except BaseException:
            os.close(lock)
            raise
        return lock

    @property
    def runners(self) -> Path:
        """A file for each process that has runs started, locked as long as it lives and wants that."""
        return self.root / "runners"

    def starts_runs(self) -> bool:
        """Whether the server is to start runs: it stays, or somebody is there who sees them to their end."""
        return self.lasting or any(is_locked(file) for file in self.runners.glob("*"))

    def begin_running(self) -> int:
        """The descriptor of such a file's lock. To be called `alone`: what others have left is removed."""
        self.runners.mkdir(mode=0o700, exist_ok=True)
        for file in self.runners.iterdir():
            if not is_locked(file):
                file.unlink()
        lock = os.open(self.runners / secrets.token_hex(8), os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        return lock

    @contextmanager
    def alone(self) -> Iterator[None]:
        """One caller at a time, over processes: starting and stopping exclude each other."""
        try:
            lock = os.open(self.root / "up.lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise self.unusable(error) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)
