"""Unpacks the tarballs of SageMaker's script mode in memory."""

from __future__ import annotations

import io
import lzma
import tarfile
import zlib
from pathlib import Path

from stagewright.errors import ReleaseError
from stagewright.runs.releases.code_folder import MAX_BYTES, MAX_FILES

DAMAGED = (
    tarfile.TarError, OSError, EOFError, zlib.error, lzma.LZMAError, ArithmeticError, RecursionError,
    ValueError,
)  # fmt: skip
"""What reading a damaged tarball raises."""


def unpacked(name: str, packed: bytes) -> dict[str, bytes]:
    """Path -> content of a tarball, unpacked in memory."""
    files: dict[str, bytes] = {}
    total = 0
    try:
        with tarfile.open(fileobj=io.BytesIO(packed), mode="r:*") as archive:
            for member in archive:
                path = Path(member.name)
                if not member.isfile() or path.name.startswith("."):
                    continue
                total += member.size
                if ".." in path.parts or path.is_absolute() or total > MAX_BYTES or len(files) == MAX_FILES:
                    raise ReleaseError(
                        f"{name}: {member.name} is outside the folder or too large",
                        "unpack it yourself",
                    )
                content = archive.extractfile(member)
                files[path.as_posix()] = content.read() if content else b""
            while archive.fileobj and archive.fileobj.read(1 << 20):  # gzip has its checksum at the end
                pass
    except DAMAGED as error:
        raise ReleaseError(
            f"{name} is not a tarball: {error}", "pack it again: tar czf source.tar.gz FILES"
        ) from None
    return files
