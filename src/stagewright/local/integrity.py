"""Check and repair the state folder of a local server.

A damaged file is reported and kept. Nothing starts until `repair` has restored it from the last snapshot and
the journal, or has moved it to the folder `damaged`. A repair deletes nothing.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sagemaker_local import store
from sagemaker_local.errors import ServiceError
from sagemaker_local.state_folder import write_private
from stagewright import __version__
from stagewright.errors import TargetError
from stagewright.local.emulator import journal, objects, service_file
from stagewright.local.emulator.previous import Previous
from stagewright.local.state import State

FORMAT = 2
"""Version of the state folder's layout and of its files. State without a number is migrated when it is saved.
Increase it when an older version of Stagewright would misread the state."""
REMEDY = "stagewright doctor --repair (it keeps every damaged file)"
SHOWN = 5
"""Damaged files that one message names."""
FOLDERS = ("aws", "objects", "sagemaker", "glue", "logs", "runners", "tmp")
FILES = (
    ".gitignore", "commands.lock", "empty", "identity.json", "local.toml", "persistent", "profile",
    "provisioned", "reconciled", "saved", "server.json", "server.lock", "server.log", "state.json", "up.lock",
    "users.lock",
)  # fmt: skip
BLOBS = "aws/lambda-blobs"

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Damage:
    """A damaged file and what is wrong with it."""

    file: Path
    problem: str

    def __str__(self) -> str:
        return f"{self.file} {self.problem}"


def require_intact(state: State, progress: Progress = lambda _: None) -> None:
    """Raise TargetError if a newer version wrote the state, or if a file is damaged. Damaged files stay."""
    if damages := check_stopped(state, progress):
        shown = "\n  ".join(str(damage) for damage in damages[:SHOWN])
        more = f"\n  and {len(damages) - SHOWN} more" if len(damages) > SHOWN else ""
        raise TargetError(f"The state directory is damaged:\n  {shown}{more}", REMEDY)


def require_format(state: State) -> None:
    """Raise TargetError if a newer version of Stagewright wrote the state."""
    recorded = _read_record(state)
    if recorded and recorded["format"] > FORMAT:
        version = recorded.get("version", "a newer version")
        message = (
            f"The state directory {state.root} was written by Stagewright {version} in format "
            f"{recorded['format']}; this is Stagewright {__version__}, which reads up to format {FORMAT}"
        )
        remedy = f"install that version, or {state.program.folder_hint}"
        raise TargetError(message, remedy)


def record(state: State) -> None:
    """Record the format and the files that must exist from now on. Call it after a save."""
    services = [file for file in state.services.glob("*.json") if service_file.digest(file)]
    names = sorted(
        str(file.relative_to(state.root)) for file in [*services, *_stores(state)] if file.exists()
    )
    content = {"format": FORMAT, "version": __version__, "files": names}
    if _read_record(state) != content:
        write_private(state.record, json.dumps(content))


def check(state: State, progress: Progress = lambda _: None) -> list[Damage]:
    """Return every damaged file. No server may be up."""
    if damages := list(_wrong_types(state)):
        return damages
    first = dict(reversed(list(_problems(state, progress))))
    return [Damage(file, problem) for file, problem in reversed(first.items())]


def check_stopped(state: State, progress: Progress = lambda _: None) -> list[Damage]:
    """Finish what a kill interrupted, then return every damaged file. The caller excludes other processes."""
    require_format(state)
    objects.finish_interrupted(state.objects)
    return check(state, progress)


def _wrong_types(state: State) -> Iterator[Damage]:
    for name in FILES:
        file = state.root / name
        if file.exists() and not file.is_file():
            yield Damage(file, "is not a file")
    for name in FOLDERS:
        folder = state.root / name
        if folder.exists() and not folder.is_dir():
            yield Damage(folder, "is not a folder")


def _problems(state: State, progress: Progress) -> Iterator[tuple[Path, str]]:
    progress("checks its files")
    yield from _record_problem(state)
    recorded = set((_read_record(state) or {}).get("files", ()))
    yield from ((file, "is missing") for name in sorted(recorded) if not (file := state.root / name).exists())
    try:
        state.identity() if state.identity_file.exists() else None
    except ServiceError:
        yield state.identity_file, "is damaged: it has no server's key and port"
    for file in sorted(state.services.glob("*.json")):
        progress(f"checks {file.name}")
        if problem := service_file.problem(file, str(file.relative_to(state.root)) not in recorded):
            yield file, problem
    yield from journal.problems(state.services, legacy=not recorded)
    yield from _blob_problems(state)
    for file in _stores(state):
        progress(f"checks {file.name}")
        if problem := store.problem(file):
            yield file, problem
    yield from objects.problems(state.objects, progress)


def _stores(state: State) -> list[Path]:
    """Return the SQLite files, also those of which only the number of changes is left."""
    counts = state.root.glob(f"*/*.sqlite{store.COUNT}")
    return sorted({*state.root.glob("*/*.sqlite"), *(file.with_suffix("") for file in counts)})


def _record_problem(state: State) -> Iterator[tuple[Path, str]]:
    if state.record.exists() and _read_record(state) is None:
        yield state.record, "is damaged: it has no format number"


def _read_record(state: State) -> dict[str, Any] | None:
    """Return the recorded format, version and files. None: there is no such file, or it is damaged."""
    try:
        content = json.loads(state.record.read_bytes())
    except (OSError, ValueError):
        return None
    is_record = (
        isinstance(content, dict)
        and type(content.get("format")) is int
        and isinstance(content.get("files"), list)
        and all(isinstance(name, str) for name in content["files"])
    )
    return content if is_record else None


def _blob_problems(state: State) -> Iterator[tuple[Path, str]]:
    """Check the functions' code: ministack names each file by the SHA-256 of its content."""
    for file in sorted((state.root / BLOBS).glob("*.zip")):
        try:
            digest = hashlib.sha256(file.read_bytes()).hexdigest()
        except OSError as error:
            yield file, f"cannot be read: {error.strerror}"
            continue
        if digest != file.stem:
            yield file, "is damaged: its content does not match its checksum"


def repair_types(state: State) -> list[str]:
    """Move what is in the way of a file or a folder, such as a lock, and return what was done."""
    require_format(state)
    aside = Aside(state)
    return [_repair(state, damage, aside) for damage in _wrong_types(state)]


def repair(state: State) -> list[str]:
    """Repair every damaged file, and return what was done. No server may be up."""
    aside = Aside(state)
    done: list[str] = []
    while damages := [damage for damage in check_stopped(state) if damage.file not in aside.moved]:
        done += [_repair(state, damage, aside) for damage in damages]
    if done:
        record(state)
    return done


class Aside:
    """The folder `damaged/TIME`, which receives the damaged files of one repair."""

    def __init__(self, state: State) -> None:
        self._root = state.root
        time = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        self._folder = state.root / "damaged" / time
        self.moved: set[Path] = set()

    def move(self, file: Path) -> Path:
        """Move a file, if it exists, and return its new path."""
        target = self._folder / file.relative_to(self._root)
        self.moved.add(file)
        if file.exists():
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            shutil.move(file, target)
        return target


def _repair(state: State, damage: Damage, aside: Aside) -> str:
    file = damage.file
    kept = aside.move(file)
    where = f"{damage}; " + (f"moved to {kept}" if kept.exists() else "nothing is left of it")
    if file.parent == state.services and file.suffix == ".json":
        return f"{where}; {_restore_service(state, file)}"
    if file.match(journal.PATTERN):
        return f"{where}; {_restore_journal(file, kept, aside)}"
    if file.suffix == ".sqlite":
        return f"{where}; {_restore_store(state, file, kept, aside)}"
    if file.is_relative_to(state.objects / objects.VERSIONS):
        objects.forget_version(state.objects, file)
        return f"{where}; the version of the object is gone"
    if file.is_relative_to(state.objects):
        _move_object(file, aside)
        return f"{where}; the object is gone"
    if file.is_relative_to(state.root / BLOBS):
        aside.move(state.services / "lambda.json")
        state.provisioned.unlink(missing_ok=True)
        return f"{where}; the functions are created again"
    return f"{where}; it is made anew"


def _restore_service(state: State, file: Path) -> str:
    if Previous(state.services).restore(file):
        return "restored from the last snapshot and the journal"
    state.provisioned.unlink(missing_ok=True)
    return "no whole copy exists: its data is lost, and Stagewright's own resources are created again"


def _restore_journal(file: Path, kept: Path, aside: Aside) -> str:
    aside.move(file.with_suffix(journal.SIZE))
    if kept.is_file():
        shutil.copyfile(kept, file)
    return f"its {journal.salvage(file)} readable changes are kept"


def _restore_store(state: State, file: Path, kept: Path, aside: Aside) -> str:
    for suffix in ("-wal", "-shm", store.COUNT):
        aside.move(file.with_name(file.name + suffix))
    if file.parent == state.services and Previous(state.services).restore_store(file):
        return "restored from the last snapshot and the journal"
    return f"its {store.salvage(kept, file)} readable records are kept"


def _move_object(file: Path, aside: Aside) -> None:
    """Move an object together with its metadata."""
    name = file.name.removesuffix(objects.META)
    for part in (file.with_name(name), file.with_name(name + objects.META)):
        aside.move(part)
