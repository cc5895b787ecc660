"""The files that a job made, read from outside its sandbox.

A link is resolved as in the container, and only below the job's folder. A link or a hard link that leads out
of it fails the job. Files without content (pipes, sockets, devices) and links to nothing are skipped.
"""

from __future__ import annotations

import os
import stat
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sagemaker_local.errors import JobFailure
from sagemaker_local.regular_file import listed, open_regular

CONTAINER = "/opt/ml"
LINKS = 40
"""How many links one path may lead through, as in Linux (path_resolution(7))."""
LINKED_ENTRIES = 200_000
"""How many files and folders links to folders may add. A few links can stand for millions of files."""
SPARSE_BYTES = 20 << 30
"""The largest file that may have more bytes than it takes on the disk."""
COPY = "copy the content instead"

Note = Callable[[str], None]
"""Writes one line to the job's log."""


_Entry = tuple[str, Path, tuple[Path, ...], bool]
"""Path as the job sees it, real path, the folders that it is in, whether a link to a folder leads to it."""


@dataclass(frozen=True)
class JobFiles:
    """The files below `root`, a folder that the job sees as `name`. Messages name files as the job does."""

    root: Path
    note: Note
    name: str = CONTAINER

    def tree(self, folder: str, *, optional: bool = False) -> dict[str, Path]:
        """Relative path -> file or folder, for everything in a folder below `name`. Links are resolved.

        JobFailure: the folder is missing, unless it is optional, or it is a file, or something in it leads
        out of `root`.
        """
        top = self._resolved(folder)
        if not top.exists() and optional:
            return {}
        if not top.is_dir():
            problem = "is a file" if top.exists() else "was removed"
            raise failed(f"{folder} {problem}; the job must leave the folder there")
        entries = {path.removeprefix(f"{folder}/"): real for path, real in self._walk(folder, top)}
        self._check_files(folder, entries)
        return entries

    def text(self, path: str, limit: int) -> str:
        """The first `limit` characters of a file; empty if there is none. JobFailure: it is not in `root`."""
        file = self._resolved(path)
        if not file.is_file():
            return ""
        with open_regular(file) as opened:
            return opened.read(4 * limit).decode("utf-8", "replace")[:limit]

    def _walk(self, folder: str, top: Path) -> Iterator[tuple[str, Path]]:
        """(path, real file or folder), sorted. A folder is followed by its content."""
        left: list[_Entry] = [(folder, top, (top,), False)]
        linked = 0
        while left:
            path, real, above, by_link = left.pop()
            if path != folder:
                yield path, real
            linked += by_link
            if linked > LINKED_ENTRIES:
                raise failed(f"links in {folder} lead to over {LINKED_ENTRIES} files")
            if real.is_dir():
                left += reversed(list(self._entries(path, real, above, by_link)))

    def _entries(self, path: str, folder: Path, above: tuple[Path, ...], by_link: bool) -> Iterator[_Entry]:
        for entry in listed(folder):
            shown = f"{path}/{entry.name}"
            is_link = entry.is_symlink()
            real = self._resolved(shown) if is_link else Path(entry.path)
            if real in above:
                raise failed(f"{shown} is a link to a folder that has it")
            if real.is_dir():
                yield shown, real, (*above, real), by_link or is_link
            elif real.is_file():
                yield shown, real, above, by_link or is_link
            else:
                what = "is a pipe, a socket or a device" if real.exists() else "leads to nothing"
                self.note(f"WARNING: {shown!r} is not uploaded: it {what}")

    def _resolved(self, path: str) -> Path:
        """What a path leads to, whether or not it exists. JobFailure: it leads out of `root`."""
        if self.root.is_symlink():
            raise self._leaves(path)
        parts, at, links = deque(PurePosixPath(path).relative_to(self.name).parts), self.root, 0
        while parts:
            step = at / parts.popleft()
            if step.name == "..":
                if at == self.root:
                    raise self._leaves(path)
                at = at.parent
            elif step.is_symlink():
                target, links = str(step.readlink()), links + 1
                inner = self._inside(target) if target.startswith("/") else target
                if inner is None or links > LINKS:
                    raise self._leaves(path)
                at = self.root if target.startswith("/") else at
                parts.extendleft(reversed(PurePosixPath(inner).parts))
            else:
                at = step
        return at

    def _inside(self, target: str) -> str | None:
        """An absolute path relative to `root`, by the name that the job sees or by its own."""
        for base in (self.name, str(self.root)):
            if target == base or target.startswith(f"{base}/"):
                return target[len(base) :].lstrip("/")
        return None

    def _leaves(self, path: str) -> JobFailure:
        return failed(f"{path} is a link out of {self.name}; {COPY}")

    def _check_files(self, folder: str, entries: dict[str, Path]) -> None:
        """Reject files that no upload can send, and hard links to files outside of `root`."""
        hard: dict[tuple[int, int], str] = {}
        for name, real in entries.items():
            status = real.lstat()
            if not stat.S_ISREG(status.st_mode):
                continue
            if status.st_size > max(SPARSE_BYTES, status.st_blocks * 512):
                size = f"{status.st_size >> 30:,} GiB"
                raise failed(f"{folder}/{name} is a sparse file of {size}")
            if status.st_nlink > 1:
                hard[status.st_dev, status.st_ino] = name
        for inode in hard.keys() - self._complete() if hard else ():
            raise failed(f"{folder}/{hard[inode]} is a hard link to a file out of {self.name}; {COPY}")

    def _complete(self) -> set[tuple[int, int]]:
        """The files all of whose hard links are below `root`, as (device, inode)."""
        counts: dict[tuple[int, int], int] = {}
        for parent, _, names in os.walk(self.root):
            for name in names:
                status = (Path(parent) / name).lstat()
                inode = status.st_dev, status.st_ino
                counts[inode] = counts.get(inode, status.st_nlink) - 1
        return {inode for inode, missing in counts.items() if missing == 0}


def failed(message: str) -> JobFailure:
    return JobFailure(f"ClientError: Data upload failed: {message}")
