"""A fresh installation, kept in the user's cache: the next new state directory starts from a copy of it.

Making an installation takes longer than everything else at a start. A snapshot is taken right after that,
before anybody else was served, so it holds no data; it is found by the digest of what it was made from.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from pathlib import Path

from stagewright.local.emulator import journal
from stagewright.local.program import STAGEWRIGHT
from stagewright.local.state import State

PASSING = (journal.PATTERN, "*.sqlite-wal", "*.sqlite-shm")
"""Files that belong to the process that has them open."""
KEPT = 3
"""Snapshots that stay: of this version and of the ones used before it."""


def restore(state: State, digest: str) -> bool:
    """Fills an unused state directory. False, and nothing done, where it is in use or has no snapshot."""
    kept = _folder() / digest
    if any(part.exists() for part in _parts(state)) or not kept.is_dir():
        return False
    try:
        for part in _parts(state):
            shutil.copytree(kept / part.name, part)
    except OSError:  # another process tidied it up meanwhile: the installation is then made
        for part in _parts(state):
            shutil.rmtree(part, ignore_errors=True)
        return False
    return True


def keep(state: State, digest: str) -> None:
    """Copies the saved state. It is a cache only: that it cannot be written is no error."""
    with contextlib.suppress(OSError):
        folder = _folder()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = Path(tempfile.mkdtemp(dir=folder, prefix="new-"))
        try:
            for part in _parts(state):
                shutil.copytree(part, temporary / part.name, ignore=shutil.ignore_patterns(*PASSING))
            temporary.rename(folder / digest)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        _tidy(folder)


def _parts(state: State) -> tuple[Path, ...]:
    return state.objects, state.services, state.glue


def _tidy(folder: Path) -> None:
    newest = sorted(folder.iterdir(), key=lambda kept: kept.stat().st_mtime, reverse=True)
    for old in newest[KEPT:]:
        shutil.rmtree(old, ignore_errors=True)


def _folder() -> Path:
    return STAGEWRIGHT.cache_folder / "installations"
