"""The code files in a folder on disk, as they will be pushed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from stagewright.errors import ReleaseError

MAX_FILES = 2_000
MAX_FILE_BYTES = 25 * 1024 * 1024
MAX_BYTES = 100 * 1024 * 1024
"""Ours: a release is code; the router reads each file again to verify it, within a function's memory."""
DATA = "data belongs in the bucket, named by the document's inputs, not beside the code"


def scan(folder: Path) -> dict[str, bytes]:
    """Path relative to `folder` (with /) -> content, sorted; nothing where there is no such folder.

    Left out: hidden files and folders, __pycache__, *.pyc. ReleaseError: a link that leaves the folder or
    leads to a folder, something that is no file, a file that cannot be read, or more than the limits above.
    """
    files: dict[str, bytes] = {}
    total = 0
    for path in _paths(folder):
        name = path.relative_to(folder).as_posix()
        content = _read(path, name)
        total += len(content)
        if total > MAX_BYTES or len(files) == MAX_FILES:
            limits = f"{MAX_FILES:,} files and {MAX_BYTES // 1024**2} MB"
            raise ReleaseError(f"{folder}: a release holds at most {limits} of code", DATA)
        files[name] = content
    return files


def names(folder: Path) -> list[str]:
    """The paths that `scan` finds, sorted as it has them, without reading the files."""
    return [path.relative_to(folder).as_posix() for path in _paths(folder)]


def _paths(folder: Path) -> Iterator[Path]:
    if not folder.exists():
        return
    if not folder.is_dir():
        raise ReleaseError(f"{folder} is not a folder", "name the folder of the code files in `code`")
    for place, folders, names in os.walk(folder, onerror=_raise):
        here = Path(place)
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


def _checked(path: Path, folder: Path) -> Path:
    if path.is_symlink() and not path.resolve().is_relative_to(folder.resolve()):
        raise ReleaseError(f"{path} is a link out of {folder}", "copy the file into the folder")
    if not path.is_file():
        raise ReleaseError(f"{path} is not a file", "remove it: a release holds ordinary files")
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        limit = MAX_FILE_BYTES // 1024**2
        raise ReleaseError(f"{path} has {size / 1024**2:,.0f} MB; a code file has at most {limit} MB", DATA)
    return path


def _read(path: Path, name: str) -> bytes:
    try:
        name.encode()
        return path.read_bytes()
    except UnicodeEncodeError:
        raise ReleaseError(f"{path!r}: its name is not UTF-8", "rename the file") from None
    except OSError as error:
        raise ReleaseError(f"{path} cannot be read: {error.strerror}", "see its permissions") from error


def _raise(error: OSError) -> None:
    raise ReleaseError(f"{error.filename} cannot be read: {error.strerror}", "see its permissions") from error
