"""The functions' archive with bytecode, in the user's cache.

Each start of a function unpacks its archive. Without bytecode, Python compiles it every time, which takes 0.2
s for the router. The committed archive has no bytecode, because bytecode is for one version of Python.
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
"""Number of archives: that of this version and those of the versions used last."""


def compiled(archive: bytes) -> bytes:
    """Return the archive with bytecode. A failure to write the cache is ignored."""
    name = f"{hashlib.sha256(archive).hexdigest()}-{sys.implementation.cache_tag}.zip"
    cached = STAGEWRIGHT.cache_folder / "functions" / name
    with contextlib.suppress(OSError):
        return cached.read_bytes()
    built = _compile(archive)
    with contextlib.suppress(OSError):
        _keep(cached, built)
    return built


def _compile(archive: bytes) -> bytes:
    target = io.BytesIO()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        zipfile.ZipFile(io.BytesIO(archive)).extractall(folder)
        # Unchecked: nothing changes an unpacked archive.
        compileall.compile_dir(folder, quiet=2, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH)
        with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as packed:
            for file in filter(Path.is_file, folder.rglob("*")):
                packed.write(file, file.relative_to(folder))
    return target.getvalue()


def _keep(cached: Path, content: bytes) -> None:
    cached.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.NamedTemporaryFile(dir=cached.parent, delete=False) as file:
        try:
            file.write(content)
            file.flush()
            Path(file.name).replace(cached)
        finally:
            Path(file.name).unlink(missing_ok=True)
    for old in sorted(cached.parent.iterdir(), key=lambda file: file.stat().st_mtime, reverse=True)[KEPT:]:
        old.unlink(missing_ok=True)
