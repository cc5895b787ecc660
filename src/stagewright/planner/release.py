"""A release: the code files of one pipeline, identified by their content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from stagewright.naming import BUNDLE_DIGITS


@dataclass(frozen=True)
class CodeFile:
    """One file of a release. `version`: S3 version id, "" before the upload. `size`: in bytes."""

    sha256: str
    version: str = ""
    size: int = 0


@dataclass(frozen=True)
class Release:
    """A release.

    Fields:
        files: Path -> file.
        document: SHA-256 of the base document that was pushed with it.
        commit: The commit that it was made from. Not part of the digest.
    """

    pipeline: str
    files: Mapping[str, CodeFile]
    document: str = ""
    commit: str = ""

    @property
    def digest(self) -> str:
        return digest_of(self.files, self.files)

    def select(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Return the files in `paths` (files or folders), sorted.

        Raises KeyError with the first path that has no files.
        """
        selected: set[str] = set()
        for path in paths:
            folder = path.rstrip("/") + "/"
            matching = {name for name in self.files if name == path or name.startswith(folder)}
            if not matching:
                raise KeyError(path)
            selected |= matching
        return tuple(sorted(selected))

    def bundle(self, paths: Iterable[str]) -> str:
        """Return the name of the bundle with these files: the beginning of their digest."""
        return digest_of(self.files, paths)[:BUNDLE_DIGITS]


def digest_of(files: Mapping[str, CodeFile], paths: Iterable[str]) -> str:
    """Return the SHA-256 of the paths and contents, in hexadecimal."""
    content = {path: files[path].sha256 for path in paths}
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
