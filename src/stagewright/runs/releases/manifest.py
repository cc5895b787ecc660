"""A release manifest: what was pushed, written last; its event starts a run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError

from stagewright.errors import NotFoundError, ReleaseError
from stagewright.gateway import Gateway
from stagewright.planner.release import CodeFile, Release
from stagewright.planner.selection import ALL, Selection

FOLDER = "manifests/"
AGAIN = "push again"


@dataclass(frozen=True)
class Manifest:
    """One version of a manifest. `written` in epoch seconds. `environment` is the SHA-256 of the
    environment's overlay; empty where there is none.

    `promoted` says where a promoted release comes from: see `run.promotion`. Of the run that it starts:
    `parameters`, `force`, `selection`, `date`, and `resumes`, a run that it goes on with.
    """

    release: Release
    version: str = ""
    written: float = 0.0
    parameters: Mapping[str, Any] = field(default_factory=dict)
    by: str = ""
    force: bool = False
    environment: str = ""
    promoted: Mapping[str, Any] = field(default_factory=dict)
    selection: Selection = ALL
    resumes: str = ""
    date: str = ""

    @property
    def trigger_key(self) -> str:
        return code_key(self.release.pipeline, self.version)

    def to_json(self) -> dict[str, Any]:
        """As in the bucket; the fields of the run only where they say something."""
        release = self.release
        files = {
            path: {"sha256": file.sha256, "version": file.version, "size": file.size}
            for path, file in sorted(release.files.items())
        }
        always = {"format": 1, "pipeline": release.pipeline, "document": release.document, "files": files}
        maybe = {
            "commit": release.commit,
            "parameters": dict(self.parameters),
            "by": self.by,
            "force": self.force,
            "environment": self.environment,
            "promoted": dict(self.promoted),
            "resumes": self.resumes,
            "date": self.date,
            **self.selection.to_json(),
        }
        return always | {name: value for name, value in maybe.items() if value}


class _File(BaseModel):
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    version: str
    size: int = Field(ge=0)


class _Manifest(BaseModel):
    format: Literal[1]
    pipeline: str
    document: str
    files: dict[str, _File]
    commit: str = ""
    parameters: dict[str, bool | int | float | str] = {}
    by: str = ""
    force: bool = False
    environment: str = ""
    promoted: dict[str, Any] = {}
    resumes: str = ""
    only: tuple[str, ...] = ()
    start: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    date: str = ""


def code_key(pipeline: str, version: str) -> str:
    """The key of the trigger that a manifest's version is."""
    return f"code:{pipeline}:{version}"


def key_of(pipeline: str) -> str:
    return f"{FOLDER}{pipeline}.json"


def pipeline_of(key: str) -> str | None:
    """The pipeline whose manifest this key is; None where it is no manifest's."""
    name = key.removeprefix(FOLDER).removesuffix(".json")
    return name if key == key_of(name) and name and "/" not in name else None


def read(gateway: Gateway, pipeline: str, version: str = "") -> Manifest | None:
    """That version, or the current one; None where there is none. ReleaseError where it is no manifest."""
    try:
        stored = gateway.objects.get(key_of(pipeline), version)
    except NotFoundError:
        return None
    return parse(stored.body, pipeline, stored.version, stored.modified)


def parse(body: bytes, pipeline: str, version: str, written: float) -> Manifest:
    place = f"{key_of(pipeline)} (version {version})"
    try:
        given = _Manifest.model_validate_json(body)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ReleaseError(f"{place} is not a release manifest: {where}: {first['msg']}", AGAIN) from None
    if given.pipeline != pipeline:
        raise ReleaseError(f"{place} is the manifest of {given.pipeline}", AGAIN)
    for path in given.files:
        if path != str(PurePosixPath(path)) or path.startswith("/") or ".." in path.split("/"):
            raise ReleaseError(f"{place} lists {path!r}, which is not a path inside the code folder", AGAIN)
    files = {path: CodeFile(file.sha256, file.version, file.size) for path, file in given.files.items()}
    release = Release(pipeline, files, given.document, given.commit)
    return Manifest(
        release,
        version,
        written,
        given.parameters,
        given.by,
        given.force,
        given.environment,
        given.promoted,
        Selection(given.only, given.start, given.skip),
        given.resumes,
        given.date,
    )


def text_of(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
