"""Snapshots of a new installation in the user's cache. New state directories start from a copy.

Provisioning takes longer than the rest of a start. The snapshot is saved right after it, before any client
can store data. Its name is the digest of the provisioned artifacts.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from pathlib import Path

from stagewright.local.emulator import journal
from stagewright.local.emulator.previous import FOLDER
from stagewright.local.program import STAGEWRIGHT
from stagewright.local.state import State

TRANSIENT = (journal.PATTERN, f"*{journal.SIZE}", FOLDER, "*.sqlite-wal", "*.sqlite-shm")
"""Files that belong to the running process."""
KEPT = 3
"""Number of snapshots: that of this version and those of the versions used last."""


def restore(state: State, digest: str) -> bool:
    """Fill an unused state directory. Return False if it is in use or there is no snapshot."""
    kept = _folder() / digest
    if any(part.exists() for part in _parts(state)) or not kept.is_dir():
        return False
    try:
        for part in _parts(state):
            shutil.copytree(kept / part.name, part)
    except OSError:  # another process has deleted the snapshot
        for part in _parts(state):
            shutil.rmtree(part, ignore_errors=True)
        return False
    return True


def discard(state: State, digest: str) -> None:
    """Delete a damaged snapshot, and what was restored from it."""
    for part in (_folder() / digest, *_parts(state)):
        shutil.rmtree(part, ignore_errors=True)


def keep(state: State, digest: str) -> None:
    """Copy the saved state to the cache. A failure is ignored, because it is only a cache."""
    with contextlib.suppress(OSError):
        folder = _folder()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = Path(tempfile.mkdtemp(dir=folder, prefix="new-"))
        try:
            for part in _parts(state):
                shutil.copytree(part, temporary / part.name, ignore=shutil.ignore_patterns(*TRANSIENT))
            temporary.rename(folder / digest)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        _delete_old(folder)


def _parts(state: State) -> tuple[Path, ...]:
    return state.objects, state.services, state.glue


def _delete_old(folder: Path) -> None:
    newest = sorted(folder.iterdir(), key=lambda kept: kept.stat().st_mtime, reverse=True)
    for old in newest[KEPT:]:
        shutil.rmtree(old, ignore_errors=True)


def _folder() -> Path:
    return STAGEWRIGHT.cache_folder / "installations"
