"""Folders whose content this program trusts: a key, a database, programs that it runs."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from sagemaker_local.errors import ServiceError

OTHERS = stat.S_IRWXG | stat.S_IRWXO


def require_own(folder: Path, remedy: str) -> None:
    """ServiceError if other users could have put files into an existing folder, or if it is none."""
    status = folder.stat()
    if not stat.S_ISDIR(status.st_mode):
        raise ServiceError(f"{folder} is not a folder", remedy)
    if status.st_uid not in (os.geteuid(), 0):
        raise ServiceError(f"{folder} belongs to another user, who could have put files there", remedy)
    if status.st_mode & stat.S_IWOTH:
        raise ServiceError(f"{folder} can be written by all users of this machine", remedy)


def close_to_others(path: Path) -> None:
    """Take the permissions of other users from a file or folder of this user."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & OTHERS:
        path.chmod(mode & ~OTHERS)
