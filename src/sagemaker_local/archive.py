"""Unpacks .tar.gz archives from outside, within limits."""

from __future__ import annotations

import gzip
import os
import tarfile
import zlib
from pathlib import Path
from typing import IO, BinaryIO, cast

from sagemaker_local.errors import JobFailure

UNPACKED_LIMIT = 20 << 30
MEMBERS_LIMIT = 200_000
HEADER_LIMIT = 64 << 10
"""Bytes that one member's headers may have. Real ones have a few hundred: two paths and times."""
GLOBAL_LIMIT = 100
"""How many global pax headers an archive may have. Every member gets a copy of them."""
PATH_LIMIT = 2_000
"""Bytes of a member's real path. Python's check for links out of a folder fails for paths that the system
cannot resolve, over 4,096 bytes (CVE-2025-4517)."""
CHUNK = 1 << 20
UNREADABLE = (
    tarfile.TarError, OSError, EOFError, zlib.error, ArithmeticError, RecursionError, ValueError,
)  # fmt: skip
"""What reading a damaged or a hostile archive raises."""


class _Limited:
    """A stream that returns at most `left` bytes, so that a header cannot fill the memory."""

    def __init__(self, stream: gzip.GzipFile) -> None:
        self._stream = stream
        self.left = HEADER_LIMIT
        self.seek, self.tell, self.close = stream.seek, stream.tell, stream.close

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= self.left:
            raise tarfile.ReadError(f"a header has more than {HEADER_LIMIT} bytes")
        self.left -= size
        return self._stream.read(size)


def unpack(archive: Path, folder: Path, name: str = "") -> None:
    """Unpack a .tar.gz into the folder. Nothing is written outside the folder; no devices.

    JobFailure names `name`, or the archive: it is none, is damaged, or exceeds a limit.
    """
    name = name or archive.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with archive.open("rb") as file:
            _extract(file, folder)
    except UNREADABLE as error:
        reason = error.strerror if isinstance(error, OSError) and error.errno else str(error)
        raise JobFailure(f"ClientError: {name} cannot be unpacked: {reason}") from error


def _extract(file: BinaryIO, folder: Path) -> None:
    stream = gzip.GzipFile(fileobj=file)
    limited = _Limited(stream)
    size = count = 0
    with tarfile.open(fileobj=cast("IO[bytes]", limited), mode="r:", errorlevel=2) as tar:
        while (member := _next(tar, limited)) is not None:
            size, count = size + member.size, count + 1
            if member.size < 0 or size > UNPACKED_LIMIT or count > MEMBERS_LIMIT:
                raise tarfile.ReadError("it unpacks to more than this server allows")
            if len(os.path.realpath(folder / member.name)) > PATH_LIMIT:
                raise tarfile.ReadError(f"a path in it has more than {PATH_LIMIT} bytes")
            if member.issym():
                member.linkname = os.path.normpath(member.linkname)
            limited.left = member.size + HEADER_LIMIT
            tar.extract(member, folder, filter="data")
    _read_rest(stream, UNPACKED_LIMIT - size)


def _next(tar: tarfile.TarFile, limited: _Limited) -> tarfile.TarInfo | None:
    """The next member. The archive forgets the ones before, which would fill the memory."""
    tar.members = []  # type: ignore[attr-defined]
    limited.left = HEADER_LIMIT
    member = tar.next()
    if len(tar.pax_headers) > GLOBAL_LIMIT:
        raise tarfile.ReadError(f"it has more than {GLOBAL_LIMIT} global headers")
    return member


def _read_rest(stream: gzip.GzipFile, limit: int) -> None:
    """Read to the end, because gzip has its checksum there."""
    while rest := stream.read(CHUNK):
        limit -= len(rest)
        if limit < 0:
            raise tarfile.ReadError("it unpacks to more than this server allows")
