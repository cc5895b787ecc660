"""The functions' archive with its bytecode beside the source, kept in the user's cache.

Every start of a function unpacks its archive anew, so that Python would compile all of it each time: 0.2 s
for the router. The committed archive has no bytecode, since that is of one version of Python.
"""

from __future__ import annotations

import compileall
import contextlib
import hashlib
import io
import sys
import tempfile
import zipfile
from pathlib import Path
from py_compile import PycInvalidationMode

from stagewright.local.program import STAGEWRIGHT

KEPT = 3
"""Archives that stay: of this version and of the ones used before it."""


def compiled(archive: bytes) -> bytes:
    """The same files and their bytecode. It is a cache only: that it cannot be written is no error."""
    name = f"{hashlib.sha256(archive).hexdigest()}-{sys.implementation.cache_tag}.zip"
    kept = STAGEWRIGHT.cache_folder / "functions" / name
    with contextlib.suppress(OSError):
        return kept.read_bytes()
    made = _made(archive)
    with contextlib.suppress(OSError):
        _keep(kept, made)
    return made


def _made(archive: bytes) -> bytes:
    target = io.BytesIO()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        zipfile.ZipFile(io.BytesIO(archive)).extractall(folder)
        # Unchecked, since nothing changes an unpacked archive.
        compileall.compile_dir(folder, quiet=2, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH)
        with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as packed:
            for file in filter(Path.is_file, folder.rglob("*")):
                packed.write(file, file.relative_to(folder))
    return target.getvalue()


def _keep(kept: Path, made: bytes) -> None:
    kept.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.NamedTemporaryFile(dir=kept.parent, delete=False) as file:
        try:
            file.write(made)
            file.flush()
            Path(file.name).replace(kept)
        finally:
            Path(file.name).unlink(missing_ok=True)
    for old in sorted(kept.parent.iterdir(), key=lambda file: file.stat().st_mtime, reverse=True)[KEPT:]:
        old.unlink(missing_ok=True)
