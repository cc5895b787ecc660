"""The data of a new pipeline: which channel gets which files, and their copies."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from stagewright.errors import DocumentError, Problem, ReleaseError
from stagewright.scaffold.named_files import without_parts
from stagewright.scaffold.project import Project
from stagewright.syntax.findings import nearest
from stagewright.syntax.scripts.files import DATA

CHANNEL = re.compile(r"([A-Za-z0-9][\w-]*)=(.+)")
DEFAULT = "train"
LARGEST = 100 * 1024 * 1024
KEEP = ".gitkeep"
"""A file that keeps an empty folder in Git. It is no sample data, because its name is hidden."""


@dataclass(frozen=True)
class ChannelData:
    """The data of one channel: an S3 URI, or paths in the channel -> files and folders of this machine."""

    uri: str = ""
    paths: Mapping[str, Path] | None = None

    @property
    def is_missing(self) -> bool:
        return not self.uri and not self.paths


def channel_data(project: Project, sources: Iterable[str]) -> dict[str, ChannelData]:
    """Channel -> its data. `sources`: texts `PATH`, `s3://URI` or `CHANNEL=` one of these.

    DocumentError: a source belongs to no channel, or does not exist.
    """
    own = dict(without_parts(own_data(project)))
    names = list(project.use.channels) or [DEFAULT] * bool(own)
    chosen: dict[str, ChannelData] = {}
    problems: list[Problem] = []
    for text in sources:
        try:
            chosen |= _chosen(project, text, names or [DEFAULT])
        except ReleaseError as error:
            problems.append(Problem(f"--data {text}", error.message, error.remedy))
    if problems:
        raise DocumentError(tuple(problems))
    if own and (is_plain(project) or not chosen):
        one = chosen.get(names[0], ChannelData())
        chosen[names[0]] = one if one.uri else ChannelData(paths=own | dict(one.paths or {}))
    return {name: chosen.get(name, ChannelData()) for name in dict.fromkeys((*names, *chosen))}


def own_data(project: Project) -> dict[str, Path]:
    """The files next to the script that are the data of its only channel."""
    if is_plain(project):
        return project.files.data
    one = len(project.use.channels) == 1
    return {name: path for name, path in project.files.data.items() if one and DATA.search(name)}


def code_data(project: Project) -> dict[str, Path]:
    """The files next to the script that belong to its code: settings, and what no channel has."""
    if is_plain(project):
        return project.files.settings
    others = project.files.data.items()
    in_code = {
        name: path
        for name, path in others
        if not (project.use.channels and (DATA.search(name) or path.is_dir()))
    }
    return project.files.settings | in_code


def is_plain(project: Project) -> bool:
    """Whether the script knows nothing of SageMaker's folders."""
    return not project.use.channels and not project.use.writes_model


def missing_data(project: Project, channels: Mapping[str, ChannelData]) -> Iterator[Problem]:
    """Data files that a plain script reads and no channel has."""
    if not is_plain(project):
        return
    paths = {path for data in channels.values() for path in data.paths or ()}
    for name in project.files.missing:
        if not any(name.text == path or name.text.startswith(f"{path}/") for path in paths):
            message = f"reads {name.text}, which is not next to it"
            yield Problem("", message, f"--data PATH of {name.text}", str(project.script), name.line)


def copies(channels: Mapping[str, ChannelData]) -> dict[str, bytes]:
    """Path in the pipeline's folder -> content. ReleaseError: more than 100 MB."""
    files: dict[str, Path] = {}
    empty: dict[str, bytes] = {}
    for channel, data in channels.items():
        for inside, path in (data.paths or {}).items():
            files |= {f"data/{channel}/{name}": file for name, file in _files(inside, path)}
        if data.is_missing:
            empty[f"data/{channel}/{KEEP}"] = b""
    size = sum(file.stat().st_size for file in files.values())
    if size > LARGEST:
        message = f"the data has {size / 1024**2:,.0f} MB, and a pipeline's folder gets at most 100 MB of it"
        raise ReleaseError(message, "give a sample of it, or its location in S3: --data s3://BUCKET/FOLDER/")
    return empty | {name: file.read_bytes() for name, file in files.items()}


def _chosen(project: Project, text: str, names: list[str]) -> dict[str, ChannelData]:
    match = None if Path(text).exists() or text.startswith("s3://") else CHANNEL.fullmatch(text)
    channel, location = (match[1], match[2]) if match else ("", text)
    if channel and channel not in names and project.use.channels:
        raise ReleaseError(f"the script reads no channel {channel}", nearest(channel, names, "its channels"))
    if location.startswith("s3://"):
        data = ChannelData(uri=location)
    elif (path := Path(location)).exists():
        data = ChannelData(paths=_placed(project, path))
    else:
        raise ReleaseError(f"{location} does not exist", "give a file, a folder or an s3:// URI")
    if channel or len(names) == 1:
        return {channel or names[0]: data}
    return _split(location, names)


def _split(location: str, names: list[str]) -> dict[str, ChannelData]:
    """A folder that has a folder for each channel."""
    if all(Path(location, name).is_dir() for name in names):
        return {name: ChannelData(paths=_inside(Path(location, name))) for name in names}
    commands = " ".join(f"--data {name}=PATH" for name in names)
    raise ReleaseError(f"the script reads the channels {', '.join(names)}", f"name each: {commands}")


def _placed(project: Project, path: Path) -> dict[str, Path]:
    """Paths in a channel. A plain script finds a file where it reads it, and a folder by its name."""
    if not is_plain(project):
        return {path.name: path} if path.is_file() else _inside(path)
    named = [*project.files.data, *(name.text for name in project.files.missing)]
    if path.is_dir() and not any(name == path.name or name.startswith(f"{path.name}/") for name in named):
        return _inside(path)
    return {next((name for name in named if Path(name).name == path.name), path.name): path}


def _inside(folder: Path) -> dict[str, Path]:
    return {entry.name: entry for entry in sorted(folder.iterdir()) if not entry.name.startswith(".")}


def _files(inside: str, path: Path) -> Iterator[tuple[str, Path]]:
    if path.is_file():
        yield inside, path
        return
    for file in sorted(path.rglob("*")):
        name = file.relative_to(path)
        if file.is_file() and not any(part.startswith(".") for part in name.parts):
            yield f"{inside}/{name.as_posix()}", file
