"""Why a job failed, in words that never name a path of this machine.

A mistake of the job or of its request is a ClientError. Only a fault of this service is an
InternalServerError.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping
from pathlib import Path

from sagemaker_local.errors import JobFailure, SageMakerLocalError
from sagemaker_local.jobs.job_files import CONTAINER

INTERNAL = "InternalServerError: "
SIZES = frozenset((errno.E2BIG, errno.EDQUOT, errno.EFBIG, errno.ENOSPC))
"""System errors about sizes, wherever they occur: arguments that are too long, a disk that is full."""
FILES = frozenset(
    (
        errno.EACCES, errno.EEXIST, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENOENT,
        errno.ENOTDIR, errno.ENOTEMPTY, errno.EPERM,
    )
)  # fmt: skip
"""System errors that the names and kinds of files below /opt/ml cause."""


def reason_of(error: Exception, folders: Mapping[Path, str]) -> str:
    """The FailureReason of an error. `folders` maps folders of this machine to what the job calls them."""
    match error:
        case JobFailure():
            text = str(error)
        case SageMakerLocalError():
            text = f"ClientError: {error.message}"
        case OSError():
            text = _file_error(error, folders)
        case _:
            text = _internal(error, str(error))
    return printable(renamed(text, folders))


def renamed(text: str, folders: Mapping[Path, str]) -> str:
    """The text with the job's names of folders. Names of folders inside others come first."""
    for folder in sorted(folders, key=lambda folder: -len(str(folder))):
        text = text.replace(str(folder), folders[folder])
    return text


def printable(text: str) -> str:
    """The text in valid UTF-8. File names can have other bytes."""
    return text.encode("utf-8", "backslashreplace").decode()


def _file_error(error: OSError, folders: Mapping[Path, str]) -> str:
    """The system's message, and the file if the job knows it."""
    file = Path(error.filename) if isinstance(error.filename, str) else None
    known = file and next((folder for folder in folders if file.is_relative_to(folder)), None)
    message = f"{file}: {error.strerror}" if known else error.strerror or str(error)
    is_jobs = known and folders[known] == CONTAINER and error.errno in FILES
    return f"ClientError: {message}" if is_jobs or error.errno in SIZES else _internal(error, message)


def _internal(error: Exception, message: str) -> str:
    return f"{INTERNAL}{type(error).__name__}: {message}"
