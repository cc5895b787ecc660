"""The code files of a folder on disk, as a push uploads them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from stagewright.errors import ReleaseError

MAX_FILES = 2_000
MAX_FILE_BYTES = 25 * 1024 * 1024
MAX_BYTES = 100 * 1024 * 1024
"""Limits of Stagewright: the router reads all files of a release to verify them, within its memory."""
DATA = "keep data in the bucket, and name it in the document's inputs"


def scan(folder: Path) -> dict[str, bytes]:
    """Return path (relative to `folder`, with /) -> content, sorted. A missing folder has no files.

    Hidden files and folders, __pycache__ and *.pyc are left out. Raises ReleaseError for a link out of the
    folder or to a folder, a special file, an unreadable file, or more files or bytes than allowed.
    """
    files: dict[str, bytes] = {}
    total = 0
    for path in _paths(folder):
        name = path.relative_to(folder).as_posix()
        content = _read(path)
        total += len(content)
        if total > MAX_BYTES or len(files) == MAX_FILES:
            limits = f"{MAX_FILES:,} files and {MAX_BYTES // 1024**2} MB"
            raise ReleaseError(f"{folder}: a release holds at most {limits} of code", DATA)
        files[name] = content
    return files


def list_paths(folder: Path) -> list[str]:
    """Return the paths of `scan`, in the same order, without reading the files."""
    return [path.relative_to(folder).as_posix() for path in _paths(folder)]


def _paths(folder: Path) -> Iterator[Path]:
    if not folder.exists():
        return
    if not folder.is_dir():
        raise ReleaseError(f"{folder} is not a folder", "name the folder of the code files in `code`")
    for parent, folders, names in os.walk(folder, onerror=_raise):
        here = Path(parent)
        kept = sorted(name for name in folders if not _ignored(name))
        for name in kept:
            if (here / name).is_symlink():
                raise ReleaseError(f"{here / name} is a link to a folder", "put the folder itself there")
        folders[:] = kept
        for name in sorted(names):
            if not _ignored(name):
                yield _checked(here / name, folder)


def _ignored(name: str) -> bool:
    return name.startswith(".") or name == "__pycache__" or name.endswith(".pyc")


def require_file(path: Path, folder: Path) -> None:
    """Raise ReleaseError unless a path is a regular file whose content and name can be uploaded.

    A link may lead to another file of `folder`, which is uploaded. Any other file stays on this machine.
    """
    if path.is_symlink() and not path.resolve().is_relative_to(folder.resolve()):
        raise ReleaseError(f"{path} is a link out of {folder}", "copy the file into the folder")
    if not path.is_file():
        raise ReleaseError(f"{path} is not a file", "remove it: only regular files are uploaded")
    try:
        path.name.encode()
    except UnicodeEncodeError:
        raise ReleaseError(f"{path!r}: its name is not UTF-8", "rename the file") from None
    if not os.access(path, os.R_OK):
        raise ReleaseError(f"{path} cannot be read: Permission denied", "check its permissions")


def _checked(path: Path, folder: Path) -> Path:
    require_file(path, folder)
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        limit = MAX_FILE_BYTES // 1024**2
        raise ReleaseError(f"{path} has {size / 1024**2:,.0f} MB; a code file has at most {limit} MB", DATA)
    return path


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ReleaseError(f"{path} cannot be read: {error.strerror}", "check its permissions") from error


def _raise(error: OSError) -> None:
    raise ReleaseError(
        f"{error.filename} cannot be read: {error.strerror}", "check its permissions"
    ) from error
