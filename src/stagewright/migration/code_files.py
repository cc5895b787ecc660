"""The code files that a pipeline of another system runs: from a folder, else from S3."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from stagewright.errors import StagewrightError
from stagewright.migration.tarballs import unpacked
from stagewright.runs.releases.code_folder import scan

if TYPE_CHECKING:
    from stagewright.aws.objects import Objects

ARCHIVES = (".tar.gz", ".tgz")
Fetch = Callable[[str], Mapping[str, bytes]]
"""S3 URI of a file or folder -> path below it and content of each file. Empty if there is none."""


def no_fetch(_uri: str) -> Mapping[str, bytes]:
    return {}


def fetch_from(objects: Objects) -> Fetch:
    """Fetch files from any bucket. A file that cannot be read is not there."""

    def fetch(uri: str) -> Mapping[str, bytes]:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        folder = f"{key.rstrip('/')}/"
        try:
            keys = [item.key for item in objects.list(key, bucket=bucket)]
            wanted = [item for item in keys if item == key or item.startswith(folder)]
            return {_below(item, folder): objects.get(item, bucket=bucket).body for item in wanted}
        except StagewrightError:
            return {}

    return fetch


def _below(key: str, folder: str) -> str:
    return key.removeprefix(folder) if key.startswith(folder) else key.rpartition("/")[2]


@dataclass
class CodeFiles:
    """`folder`: path -> content of the folder with the scripts. `files`: the files of the document's code."""

    folder: Mapping[str, bytes]
    fetch: Fetch = no_fetch
    files: dict[str, bytes] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: Path | None, fetch: Fetch = no_fetch) -> CodeFiles:
        return cls(scan(folder) if folder else {}, fetch)

    def find(self, uri: str) -> Mapping[str, bytes]:
        """The files at an S3 URI, an archive unpacked. Empty if they are nowhere. ReleaseError: damaged."""
        name = uri.rstrip("/").rpartition("/")[2]
        found = self._in_folder(name) or self.fetch(uri)
        if name.endswith(ARCHIVES) and found:
            return unpacked(name, next(iter(found.values())))
        return found

    def _in_folder(self, name: str) -> Mapping[str, bytes]:
        """The files of the folder that a URI with this last word names: one file, or all of a subfolder."""
        if match := next((path for path in self.folder if Path(path).name == name), None):
            return {name: self.folder[match]}
        below = {path: body for path, body in self.folder.items() if path.startswith(f"{name}/")}
        return {path.removeprefix(f"{name}/"): body for path, body in below.items()}

    def add(self, found: Mapping[str, bytes], stage: str) -> str:
        """Keep the files. They go into a folder of the stage if another file has a name of theirs. Returns
        the prefix of their paths."""
        differs = any(self.files.get(path, body) != body for path, body in found.items())
        prefix = f"{stage}/" if differs else ""
        self.files.update({f"{prefix}{path}": body for path, body in found.items()})
        return prefix
