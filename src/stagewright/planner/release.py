"""A release: the content-hashed set of code files of one pipeline, and the bundles that its stages need."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from stagewright.naming import BUNDLE_DIGITS


@dataclass(frozen=True)
class CodeFile:
    """One file as pushed. `version` is its S3 version id, empty while it is only on a disk; `size` in
    bytes."""

    sha256: str
    version: str = ""
    size: int = 0


@dataclass(frozen=True)
class Release:
    """`document` is the SHA-256 of the base document pushed with it; `commit` is lineage, outside the
    digest."""

    pipeline: str
    files: Mapping[str, CodeFile]
    document: str = ""
    commit: str = ""

    @property
    def digest(self) -> str:
        return digest_of(self.files, self.files)

    def select(self, paths: Iterable[str]) -> tuple[str, ...]:
        """The files that `paths` (files or folders) name, sorted. KeyError carries the path that names
        none."""
        chosen: set[str] = set()
        for path in paths:
            folder = path.rstrip("/") + "/"
            found = {name for name in self.files if name == path or name.startswith(folder)}
            if not found:
                raise KeyError(path)
            chosen |= found
        return tuple(sorted(chosen))

    def bundle(self, paths: Iterable[str]) -> str:
        return digest_of(self.files, paths)[:BUNDLE_DIGITS]


def digest_of(files: Mapping[str, CodeFile], paths: Iterable[str]) -> str:
    content = {path: files[path].sha256 for path in paths}
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
