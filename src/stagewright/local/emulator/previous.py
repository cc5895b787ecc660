"""The snapshot before the last one, and the changes since: enough to restore a damaged service file."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from sagemaker_local import store
from sagemaker_local.state_folder import sync
from stagewright.local.emulator import journal, service_file

FOLDER = "previous"


class Previous:
    """The folder `previous` in the folder of the service files."""

    def __init__(self, services: Path) -> None:
        self._services = services
        self._folder = services / FOLDER

    def keep(self, file: Path, is_changed: bool) -> None:
        """Keep a service file before it is replaced. One that stays unchanged is copied once."""
        kept = self._folder / file.name
        if not file.exists() or (not is_changed and _is_same(file, kept)):
            return
        self._folder.mkdir(mode=0o700, exist_ok=True)
        temporary = self._folder / f".{file.name}"
        temporary.unlink(missing_ok=True)
        if is_changed:
            _link(file, temporary)
        else:
            shutil.copyfile(file, temporary)
            sync(temporary)
        temporary.replace(kept)

    def keep_journal(self, files: list[Path]) -> None:
        """Keep journal files that the last snapshot includes, in place of those before them."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        for old in journal.files(self._folder):
            journal.remove(old)
        for file in files:
            _move(file, self._folder)
        sync(self._folder)
        sync(self._services)

    def restore(self, file: Path) -> bool:
        """Put a service file back, with the changes since then. Return False if there is no whole copy."""
        kept = self._folder / file.name
        if service_file.problem(kept, legacy=False) or any(journal.problems(self._folder, legacy=False)):
            return False
        shutil.copyfile(kept, file)
        for old in journal.files(self._folder):
            shutil.copyfile(old, self._services / old.name)
            shutil.copyfile(
                old.with_suffix(journal.SIZE), (self._services / old.name).with_suffix(journal.SIZE)
            )
        return True

    def restore_store(self, file: Path) -> bool:
        """Put a store back. Return False if there is no whole copy."""
        kept = self._folder / file.name
        if not kept.exists() or store.problem(kept):
            return False
        store.copy(kept, file)
        return True


def _is_same(file: Path, kept: Path) -> bool:
    return kept.is_file() and service_file.digest(kept) == service_file.digest(file) != ""


def _link(file: Path, target: Path) -> None:
    try:
        os.link(file, target)
    except OSError:  # the file system has no hard links
        shutil.copyfile(file, target)


def _move(file: Path, folder: Path) -> None:
    """Move a journal file. Until it is moved, its size is zero, so that a kill in between looks whole."""
    size = file.with_suffix(journal.SIZE)
    acknowledged = int(size.read_text()) if size.exists() else None
    if acknowledged is not None:
        journal.create_size(folder / size.name)
        journal.write_size(size, 0)
    file.replace(folder / file.name)
    if acknowledged is not None:
        journal.write_size(folder / size.name, acknowledged)
        size.unlink()
