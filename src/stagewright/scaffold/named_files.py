"""The files next to a script that it reads: data for a channel, and settings for the code folder."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from stagewright.errors import Problem
from stagewright.syntax.scripts.files import FileName, file_names
from stagewright.syntax.scripts.source import Source

SETTINGS = (".yaml", ".yml", ".toml", ".ini", ".cfg")
OWN = ("requirements.txt",)
WINDOWS = re.compile(r"[A-Za-z]:[\\/]")
ELSEWHERE = ("/opt/ml", "/tmp", "/dev", "/usr", "/bin", "/etc", "/proc", "/var")  # noqa: S108 -- not written
"""Folders that a container has itself."""


@dataclass
class NamedFiles:
    """Paths relative to the script's working folder -> the file or folder on this machine.

    `data`: what the script reads. `settings`: small files that belong to the code. `missing`: data that is
    not there. `folders`: existing folders that the script writes into.
    """

    data: dict[str, Path] = field(default_factory=dict)
    settings: dict[str, Path] = field(default_factory=dict)
    missing: list[FileName] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def read_named_files(
    sources: Iterable[Source], folders: Iterable[Path], modules: Iterable[str]
) -> NamedFiles:
    """The files that scripts name. `folders`: where they may lie. `modules`: the copied code, left out."""
    result, own, bases = NamedFiles(), {*modules, *OWN}, list(folders)
    for source in sources:
        for name in file_names(source):
            if problem := _outside(name, source.name):
                result.problems.append(problem)
            elif name.text.partition("/")[0] not in own and _is_relative(name.text):
                _sort(result, name, bases)
    result.folders = sorted(set(result.folders))
    return result


def _sort(result: NamedFiles, name: FileName, bases: list[Path]) -> None:
    if set(name.text) & set("*?["):
        result.data |= _matching(name.text, bases) if name.is_input else {}
        return
    path = next(filter(None, (_existing(base, name.text) for base in bases)), None)
    if "write" in name.uses and "/" in name.text:
        parent = name.text.rpartition("/")[0]
        result.folders += [parent] * any((base / parent).is_dir() for base in bases)
    if not name.is_input:
        result.folders += [name.text] * bool(path and path.is_dir())
    elif path is None:
        result.missing += [name] * name.is_data
    elif not name.is_path:
        return
    elif path.suffix.lower() in SETTINGS:
        result.settings[name.text] = path
    elif path.suffix != ".py":
        result.data[name.text] = path


def _matching(pattern: str, bases: list[Path]) -> dict[str, Path]:
    """The files that a pattern such as `data/*.csv` matches in the first folder that has any."""
    for base in bases:
        try:
            files = [path for path in sorted(base.glob(pattern)) if path.is_file() and path.suffix != ".py"]
        except (ValueError, OSError, NotImplementedError):
            return {}
        if files:
            return {path.relative_to(base).as_posix(): path for path in files}
    return {}


def _existing(base: Path, text: str) -> Path | None:
    try:
        path = base / text
        return path if path.is_file() or path.is_dir() else None
    except (OSError, ValueError):
        return None


def _is_relative(text: str) -> bool:
    parts = text.split("/")
    return text not in (".", "..") and not text.startswith(("/", "~", ".")) and ".." not in parts


def _outside(name: FileName, file: str) -> Problem | None:
    """A file outside the script's folder, which no job has."""
    if not name.is_input or not _is_outside(name):
        return None
    remedy = "put it next to the script, and name it by a relative path without .."
    return Problem("", f"reads {name.text}, which a job does not have", remedy, file, name.line)


def _is_outside(name: FileName) -> bool:
    text = name.text
    if WINDOWS.match(text):
        return True
    if text.startswith(("/", "~")):
        within = text.startswith(tuple(f"{folder}/" for folder in ELSEWHERE)) or text.count("/") < 2
        return not within and (name.is_data or _existing(Path("/"), str(Path(text).expanduser())) is not None)
    return text.startswith("../") and name.is_data


def without_parts(paths: dict[str, Path]) -> Iterator[tuple[str, Path]]:
    """The paths without those that lie in another one's folder."""
    for text, path in paths.items():
        if not any(text != other and text.startswith(f"{other}/") for other in paths):
            yield text, path
