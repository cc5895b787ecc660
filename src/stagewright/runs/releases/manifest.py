"""The release manifest: an object in the bucket that lists what was pushed. A push writes it last.

The event of a new version starts a run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError

from stagewright.document.canonical_json import sha256_of
from stagewright.document.triggers import has_code_trigger
from stagewright.errors import NotFoundError, ReleaseError
from stagewright.formats import OBJECTS, read_object
from stagewright.gateway import Gateway
from stagewright.planner.release import CodeFile, Release
from stagewright.planner.selection import ALL, Selection
from stagewright.runs.documents.subscribers import merged_texts

FOLDER = "manifests/"
AGAIN = "push again"


@dataclass(frozen=True)
class Manifest:
    """One version of a manifest. `written` is epoch seconds.

    `documents` are the pushed texts: `base`, and `environment` if there is an overlay. `environment` is the
    SHA-256 of the overlay, empty without one. `promoted` is the origin of a promoted release (see
    `promotion`). `parameters`, `force`, `selection`, `date` and `resumes` (the run to resume) belong to the
    run that this version starts.
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
    documents: Mapping[str, str] = field(default_factory=dict)

    @property
    def document(self) -> Mapping[str, Any]:
        """The pushed document with its overlay. Its triggers are in force from this version to the next."""
        return merged_texts(
            self.documents[layer] for layer in ("base", "environment") if layer in self.documents
        )

    @property
    def requests_run(self) -> bool:
        """Whether this push requests a run, whatever the document is now."""
        return has_code_trigger(self.document)

    @property
    def trigger_key(self) -> str:
        return code_key(self.release.pipeline, self.version)

    def to_json(self) -> dict[str, Any]:
        """Return the manifest as it is stored. Empty optional fields are left out."""
        release = self.release
        files = {
            path: {"sha256": file.sha256, "version": file.version, "size": file.size}
            for path, file in sorted(release.files.items())
        }
        required = {
            "format": OBJECTS["manifest"],
            "pipeline": release.pipeline,
            "document": release.document,
            "documents": dict(self.documents),
            "files": files,
        }
        optional = {
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
        return required | {name: value for name, value in optional.items() if value}


class _FileSchema(BaseModel):
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    version: str
    size: int = Field(ge=0)


class _Documents(BaseModel):
    base: str
    environment: str = ""


class _ManifestSchema(BaseModel):
    format: Literal[1]
    pipeline: str
    document: str
    documents: _Documents
    files: dict[str, _FileSchema]
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
    bypass: tuple[str, ...] = ()
    reason: str = ""
    date: str = ""


def code_key(pipeline: str, version: str) -> str:
    """Return the trigger key of a manifest version."""
    return f"code:{pipeline}:{version}"


def key_of(pipeline: str) -> str:
    """Return the object key of a pipeline's manifest."""
    return f"{FOLDER}{pipeline}.json"


def pipeline_of(key: str) -> str | None:
    """Return the pipeline of a manifest's object key, None for any other key."""
    name = key.removeprefix(FOLDER).removesuffix(".json")
    return name if key == key_of(name) and name and "/" not in name else None


def read(gateway: Gateway, pipeline: str, version: str = "") -> Manifest | None:
    """Return a version of the manifest, or the current one, or None if there is none.

    Raises ReleaseError if the object is not a valid manifest.
    """
    try:
        stored = gateway.objects.get(key_of(pipeline), version)
    except NotFoundError:
        return None
    return parse(stored.body, pipeline, stored.version, stored.modified)


def parse(body: bytes, pipeline: str, version: str, written: float) -> Manifest:
    """Parse and validate a stored manifest.

    Raises ReleaseError if it is invalid, FormatError if a later version of Stagewright wrote it.
    """
    name = f"{key_of(pipeline)} (version {version})"
    try:
        parsed = _ManifestSchema.model_validate(read_object("manifest", body, name))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ReleaseError(f"{name} is not a release manifest: {where}: {first['msg']}", AGAIN) from None
    except (ValueError, RecursionError) as error:
        raise ReleaseError(f"{name} is not a release manifest: {error}", AGAIN) from None
    if parsed.pipeline != pipeline:
        raise ReleaseError(f"{name} is the manifest of {parsed.pipeline}", AGAIN)
    for path in parsed.files:
        if path != str(PurePosixPath(path)) or path.startswith("/") or ".." in path.split("/"):
            raise ReleaseError(f"{name} lists {path!r}, which is not a path inside the code folder", AGAIN)
    documents = {layer: text for layer, text in parsed.documents if text}
    for layer, sha256 in (("base", parsed.document), ("environment", parsed.environment)):
        if sha256 != (sha256_of(documents[layer]) if layer in documents else ""):
            raise ReleaseError(f"{name}: its {layer} document has another SHA-256 than listed", AGAIN)
    files = {path: CodeFile(file.sha256, file.version, file.size) for path, file in parsed.files.items()}
    release = Release(pipeline, files, parsed.document, parsed.commit)
    return Manifest(
        release,
        version,
        written,
        parsed.parameters,
        parsed.by,
        parsed.force,
        parsed.environment,
        parsed.promoted,
        Selection(parsed.only, parsed.start, parsed.skip, parsed.bypass, parsed.reason),
        parsed.resumes,
        parsed.date,
        documents,
    )


def document_of(body: bytes, key: str) -> str:
    """Return the base document of a stored manifest, empty if the object is no manifest.

    Raises FormatError if a later version of Stagewright wrote it.
    """
    try:
        return _ManifestSchema.model_validate(read_object("manifest", body, key)).documents.base
    except (ValueError, RecursionError):  # ValidationError is a ValueError
        return ""


def to_bytes(value: Mapping[str, Any]) -> bytes:
    """Return canonical JSON."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
